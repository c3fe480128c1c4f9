/* SPDX-License-Identifier: MIT */
/*
 * table_en.c - English words about work, and names that all languages share.
 *
 * A verb that fits several types has a low weight ("write"), and its phrases
 * with what is made ("write function") a high one.
 */
#include "task/tables.h"

#include <stddef.h>

#define DEV DEIA__T_DEVELOPMENT
#define ANA DEIA__T_ANALYSIS
#define WRI DEIA__T_WRITING
#define PLA DEIA__T_PLANNING
#define VAL DEIA__T_VALIDATION
#define GEN DEIA__T_GENERAL
#define NONE DEIA__T_NONE

static const struct deia__type_row types[] = {
	/* ---- development: what is done to software */
	{ DEV, 6,
	  "add regression test|add regression tests|write function|write "
	  "program|write class|write parser|"
	  "write migration|write query|write sql query|write regex|"
	  "write shell script|write bash script|write python script|"
	  "write unit test|write unit tests|write tests|write test cases|"
	  "write integration tests|fix bug|fix bugs|merge conflict|"
	  "merge conflicts|memory leak|memory leaks|null pointer|segfault|"
	  "segfaults|segmentation fault|stack overflow|off by one error" },
	{ DEV, 5,
	  "refactor|refactors|refactored|refactoring|debug|debugs|debugged|"
	  "debugging|write code|write script|source code|regex|regexp|"
	  "regular expression|regular expressions|dockerfile|makefile|"
	  "pull request|fix build|broken build|unit test coverage|add tests|"
	  "add test|add unit tests|add endpoint|build app|build website|"
	  "build api|build tool|build web app|stored procedure|type error|"
	  "syntax error|compile error|build error|build failure|"
	  "implement function|feature flag|feature flags|dark mode|"
	  "pre commit hook|git hook" },
	{ DEV, 4,
	  "implement|implements|implemented|implementing|compile|compiles|"
	  "compiled|compiling|deploy|deploys|deployed|deploying|bug|bugs|"
	  "endpoint|endpoints|compiler|sql|frontend|backend|front end|"
	  "back end|css|html|javascript|typescript|docker|kubernetes|codebase|"
	  "code base|race condition|web app|web application|mobile app|"
	  "command line tool|rest api|graphql|webhook|webhooks|middleware|"
	  "linter|rebase|unit test|unit tests|react component|async|"
	  "multithreaded|boilerplate|hotfix|abstract class|base class|"
	  "data structure|linked list|binary search|hash map|hash table|"
	  "environment variable|environment variables|chrome extension|"
	  "browser extension|code snippet|backtrace" },
	{ DEV, 3,
	  "code|codes|coded|coding|fix|fixes|fixed|fixing|patch|patches|"
	  "develop|develops|developed|developing|function|functions|script|"
	  "scripts|scripting|api|apis|database|databases|algorithm|"
	  "algorithms|parser|parsers|repository|repo|git|python|java|rust|"
	  "golang|kotlin|swift ui|php|perl|bash|c++|c#|django|flask|postgres|"
	  "postgresql|sqlite|mysql|redis|nginx|node|react|vue|configure|"
	  "configures|configured|stack trace|deadlock|command line|cli|ci|"
	  "sdk|add support for|parse|parses|parsing|scrape|scraper|crawler|"
	  "login page|login form|landing page|kernel|thread pool|cron job|"
	  "programming|programmer|scala|haskell|exception handling|json|yaml|"
	  "error handling|terraform|ansible|github|gitlab|npm|pip|jenkins|"
	  "revert|automate|automates|automated|unreachable code|dead code" },
	{ DEV, 2,
	  "build|builds|building|program|programs|install|installs|installing|"
	  "migrate|migrates|migrating|integrate|integrates|integrating|"
	  "optimize|optimise|optimizing|optimising|port|rename|renames|"
	  "upgrade|upgrades|upgrading|commit|commits|merge|module|modules|"
	  "query|queries|schema|pipeline|crash|crashes|crashed|crashing|"
	  "exception|exceptions|app|apps|website|web site|software|server|"
	  "servers|xml|dropdown|config|configuration|array|arrays|"
	  "cache|caching|component|components|variable|variables|compilation|"
	  "plugin|plugins|package|packages|dependency|dependencies|prototype|"
	  "authentication|oauth|pagination|timeout|timeouts|encoding|"
	  "test coverage|web page|bot|log in button|throws" },
	{ DEV, 1,
	  "class|classes|method|methods|library|feature|features|branch|loop|"
	  "loops|button|client|handler|parameter|parameters|flag|login|error|"
	  "field|fields|column|columns" },
	/* Too common to settle anything, also where they open a text. */
	{ DEV, 0.5,
	  "add|adds|adding|remove|removes|create|creates|replace|replaces|"
	  "update|updates|make|makes|support|table" },
	{ DEV, 3, ".c|.h|.cpp|.hpp|.cc|.py|.js|.mjs|.ts|.tsx|.jsx|.go|.rs" },
	{ DEV, 3, ".java|.rb|.php|.sh|.sql|.css|.html|.kt|.swift|.lua|.vue" },
	{ DEV, 2, ".json|.yaml|.yml|.toml|.xml|.cfg|.conf|.cmake" },

	/* ---- analysis: what is found out */
	{ ANA, 6,
	  "root cause analysis|linear regression|logistic regression|"
	  "swot analysis|sentiment analysis|data analysis|cost benefit "
	  "analysis|gap analysis|time series" },
	{ ANA, 5,
	  "analyze|analyzes|analyzed|analyzing|analyse|analyses|analysed|"
	  "analysing|investigate|investigates|investigated|investigating|"
	  "root cause|root causes|swot|find out why|explain why|"
	  "work out why|figure out why|key findings|competitor analysis|"
	  "market research|pros and cons|advantages and disadvantages|"
	  "strengths and weaknesses|risk assessment|code metrics" },
	{ ANA, 4,
	  "analysis|compare|compares|compared|comparing|examine|examines|"
	  "examined|examining|evaluate|evaluates|evaluated|evaluating|assess|"
	  "assesses|assessed|assessing|assessment|correlation|correlations|"
	  "correlate|correlates|interpret|interprets|interpreting|diagnose|"
	  "diagnoses|diagnosing|quantify|quantifies|outlier|outliers|anomaly|"
	  "anomalies|sentiment|postmortem|post mortem|survey results|"
	  "difference between|differences between|find patterns|"
	  "identify patterns|identify trends|what went wrong|"
	  "main themes|common themes" },
	{ ANA, 3,
	  "comparison|comparisons|investigation|find out|trend|trends|"
	  "statistics|statistical|dataset|data set|datasets|insight|insights|"
	  "research|researching|bottleneck|bottlenecks|findings|"
	  "what causes|what caused|impact of|effect of|trade off|trade offs|"
	  "tradeoffs|break down by|broken down by|churn|retention|"
	  "conversion rate|dig into|look into|looking into|"
	  "why is|why are|why does|why do|why did|why was|why were|which of" },
	{ ANA, 2,
	  "patterns|pattern|metrics|identify|identifies|identifying|study|"
	  "benchmark|benchmarks|profile|profiling|measure|measures|forecast|"
	  "competitor|competitors|logs|log files|spreadsheet|extract|extracts|"
	  "cluster|clusters|average|median|revenue|sales figures|feedback|"
	  "drop in|decline in|increase in|rise in|discrepancy|discrepancies|"
	  "explain how|why|root|classify|categorize|categorise|rank|"
	  "factors|drivers|implications|what is wrong|hypothesis|"
	  "causes|caused|causing" },
	{ ANA, 1,
	  "data|numbers|figures|results|survey|report on|responses|rate|"
	  "rates|costs|market|best option|reasons|last quarter|over time" },
	{ ANA, 2, ".csv|.xlsx|.xls|.log|.tsv" },

	/* ---- writing: a text for people */
	{ WRI, 6,
	  "cover letter|press release|product description|"
	  "product descriptions|resignation letter|thank you note|"
	  "thank you letter|meeting minutes|short story|blog post|blog posts|"
	  "linkedin post|social media post|birthday card|love letter|"
	  "write blog|write article|write email|write letter|write story|"
	  "write poem|write essay|write report|write book review|"
	  "write documentation|write docs|update readme|update docs|"
	  "update documentation|write summary|write up|movie script|"
	  "film script|video script|letter of recommendation|"
	  "recommendation letter|sales pitch|elevator pitch" },
	{ WRI, 5,
	  "rephrase|rephrases|reword|rewords|paraphrase|paraphrases|translate|"
	  "translates|translated|translating|essay|essays|poem|poems|haiku|"
	  "sonnet|limerick|newsletter|newsletters|release notes|slogan|"
	  "slogans|tagline|taglines|screenplay|job description|"
	  "job posting|ad copy|marketing copy|book review|film review|"
	  "movie review|restaurant review|proofread|proofreading|ghostwrite|"
	  "user guide|user manual|obituary|eulogy|bedtime story|fairy tale" },
	{ WRI, 4,
	  "draft|drafts|drafted|drafting|compose|composes|composing|"
	  "translation|summarize|summarizes|summarized|summarizing|summarise|"
	  "summarises|summarised|summarising|article|articles|letter|letters|"
	  "story|stories|speech|speeches|documentation|tutorial|caption|"
	  "captions|tweet|tweets|headline|headlines|biography|memo|"
	  "announcement|invitation|lyrics|my resume|resume and|case study|"
	  "white paper|whitepaper|executive summary|quick start guide|"
	  "op ed|testimonial|brochure|leaflet|flyer|write to|welcome email|"
	  "email to|follow up email|reply to|how to guide|onboarding guide" },
	{ WRI, 3,
	  "rewrite|rewrites|rewriting|summary|summaries|email|emails|e mail|"
	  "e mails|blog|readme|docs|manual|paragraph|paragraphs|wording|"
	  "grammar|shorten|shortens|apology|apologize|apologise|minutes of|faq|"
	  "bio|song|narrative|dialogue|screen text|style guide|prose|"
	  "bullet points|more formal|more polite|plain english|plain language|"
	  "friendly tone|formal tone|professional tone|condense|tldr|"
	  "thank you message|jot down|novel|changelog|abstract for" },
	{ WRI, 2,
	  "write|writes|writing|written|edit|edits|editing|report|reports|"
	  "document|documents|documenting|guide|sentence|sentences|tone|"
	  "introduction|conclusion|outline|respond to|response to|polish|"
	  "chapter|proposal|text|texts|toast|message to|post about|describe|"
	  "describes|describing|audience|reader|readers|words long|word count|"
	  "pages long|description|descriptions|character|characters" },
	{ WRI, 1,
	  "post|posts|copy|title|phrase|language|words|note|notes|spelling|"
	  "linkedin|twitter|customers|about our|page" },
	{ WRI, 1, ".docx|.doc|.odt|.tex" },

	/* ---- planning: what is to be done, by whom, when */
	{ PLA, 6,
	  "project plan|migration plan|launch plan|rollout plan|test plan|"
	  "lesson plan|meal plan|workout plan|training plan|study plan|"
	  "business plan|marketing plan|action plan|release plan|"
	  "contingency plan|recovery plan|travel plan|content plan|"
	  "hiring plan|onboarding plan|sprint plan|sprint planning|"
	  "capacity planning|content calendar|editorial calendar|"
	  "write plan|draft plan|create plan|make plan|work plan|"
	  "work breakdown structure|implementation plan|training schedule" },
	{ PLA, 5,
	  "roadmap|roadmaps|itinerary|itineraries|break down into|"
	  "break into tasks|split into tasks|break into steps|into subtasks|"
	  "into milestones|resource allocation|project timeline|gantt|"
	  "gantt chart|to do list|todo list|critical path|next steps|"
	  "design architecture|system design|work out schedule|"
	  "order of work|who does what|packing list|go to market strategy" },
	{ PLA, 4,
	  "plan|schedule|schedules|scheduled|scheduling|milestone|milestones|"
	  "timeline|timelines|agenda|agendas|prioritize|prioritizes|"
	  "prioritizing|prioritise|prioritises|prioritising|backlog|sprint|"
	  "sprints|okrs|contingency|project scope|scope out|"
	  "estimate effort|effort estimate|estimate how long|"
	  "how long will take|seating plan|user stories|user story|"
	  "design document|design doc|staffing|rota|roster" },
	{ PLA, 3,
	  "plans|planned|planning|strategy|strategies|organize|organizes|"
	  "organizing|organise|organises|organising|priorities|estimate|"
	  "estimates|budget|budgets|budgeting|allocate|allocates|coordinate|"
	  "coordinates|checklist|architecture|rollout|roll out|wedding|"
	  "week by week|day by day|calendar|lay out how|propose how|"
	  "decide how|how should we|arrange|arranges|outline how|"
	  "step by step approach|approach to" },
	{ PLA, 2,
	  "design|designs|designing|propose|proposes|proposal|deadline|"
	  "deadlines|phase|phases|trip|vacation|holiday|conference|workshop|"
	  "offsite|retreat|team building|move to|outline|goals|objectives|"
	  "steps|in what order|in which order|before deadline|quarter|"
	  "assign|assigns|prepare for|map out|party|visit" },
	{ PLA, 1,
	  "event|events|project|days|weeks|months|team|week|next month|"
	  "next week|next year|launch|tasks|resources|people|risks|risk" },

	/* ---- validation: whether something is right */
	{ VAL, 6,
	  "check whether|check if|check that|verify that|verify whether|"
	  "verify if|run tests|run test suite|run unit tests|"
	  "run integration tests|code review|fact check|fact checking|"
	  "quality assurance|regression test|regression tests|"
	  "regression testing|smoke test|smoke tests|penetration test|"
	  "pentest|sanity check|double check|acceptance test|"
	  "acceptance tests|acceptance testing|usability test|"
	  "usability testing|load test|load tests|stress test|"
	  "test whether|test if|test that|confirm that|confirm whether" },
	{ VAL, 5,
	  "validate|validates|validated|validating|validation|verify|verifies|"
	  "verified|verifying|verification|cross check|review code|"
	  "review pull request|review pr|review patch|review diff|"
	  "review changes|review commit|works as expected|meets requirements|"
	  "meet requirements|peer review|review contract|security review|"
	  "find mistakes|find errors|spot errors|spot mistakes|any mistakes|"
	  "any errors|is correct|are correct|is accurate|are accurate|"
	  "makes sense|add up correctly|test suite" },
	{ VAL, 4,
	  "audit|audits|audited|auditing|qa|correctness|validity|conform|"
	  "conforms|accuracy|test case|test cases|look over|looks right|"
	  "is valid|are valid|still work|still works|still true|up to code|"
	  "complies with|comply with|compliant with|compliant|"
	  "acceptance criteria|end to end test|end to end tests|"
	  "integration test|integration tests|all links|broken links|"
	  "go through and check|check for|review for|inspect|inspects|"
	  "inspection|test results" },
	{ VAL, 3,
	  "test|tests|tested|testing|check|checks|checked|checking|review|"
	  "reviews|reviewed|reviewing|make sure|confirm|confirms|confirmed|"
	  "confirming|compliance|valid|mistakes|regression|regressions|"
	  "flaky|consistent with|consistency|matches|match|requirements|"
	  "against specification|against spec|vulnerability|vulnerabilities|"
	  "typos and|as specified|passes" },
	{ VAL, 2,
	  "ensure|ensures|correct|approve|approves|reproduce|"
	  "reproduces|spec|specification|criteria|reconcile|accurate|is right|"
	  "is true|lint|sign off|vulnerable|edge cases|still" },
	{ VAL, 1,
	  "whether|errors|pass|missing|quality|proper|properly|broken|wrong|"
	  "standard|standards|policy|rules|guidelines" },

	/* ---- general: talk, knowledge, sums */
	{ GEN, 5,
	  "capital of|capital city|tell joke|how are you|"
	  "what time is it|what day is|square root|fun fact|good morning|"
	  "good evening|good night|nice to meet you|meaning of life|"
	  "who are you|what can you do|what is your name|trivia" },
	{ GEN, 4,
	  "song contest|singing contest|eurovision|joke|jokes|weather|thank "
	  "you|how old is|how far is|how tall is|"
	  "how many people|remind me|plus|minus|times table|multiplied by|"
	  "divided by|what does mean|what happened in|bedtime|riddle|"
	  "cook|bake|recipe|recipes|horoscope|degrees|driving test" },
	{ GEN, 1,
	  "what is|what are|what was|what were|what|who|how much|"
	  "how many|when|where|tell me" },
	{ GEN, 3,
	  "who is|who was|who were|"
	  "who wrote|who invented|when was|when did|when is|when are|"
	  "where is|where are|where can i|how old|how far|"
	  "how tall|calculate|calculates|add up|percent of|meaning of|"
	  "thanks|hello|hallo|hi there|which country|which planet|"
	  "which city|sing|play|recommend|recommendation|"
	  "recommendations|restaurant|restaurants|movie|movies|"
	  "convert|synonym|synonyms|opposite of|spell" },
	{ GEN, 2,
	  "capital|explain|explains|define|definition|suggest|suggestion|"
	  "suggestions|advice|gift|gifts|favourite|favorite|population|"
	  "president|history of|country|countries|miles|kilometers|"
	  "kilometres|ticket|tickets|films|dinner|lunch|breakfast|"
	  "headache|is it|do you|are you" },
	{ GEN, 0.5,
	  "give me|name|list|hours|chat|talk|question|how|dog|cat|today|"
	  "tomorrow|yesterday|how do i|how can i" },

	/* ---- more of each, found by trying what people write */
	{ DEV, 5,
	  "wire up|fix tests|fix failing tests|make tests pass|"
	  "tests pass again|tests green again|failing test|"
	  "failing tests|importerror|typeerror|valueerror|keyerror|"
	  "indexerror|modulenotfounderror|nullpointerexception|"
	  "fix code|get build working|hello world program|fix failing" },
	{ DEV, 4,
	  "exponential backoff|train model|train classifier|"
	  "fine tune model|snake game|single sign on|log in with|"
	  "sign in with|working again|cross compile|write macro|"
	  "visual studio|stylesheet" },
	{ DEV, 3,
	  "retries|backoff|raspberry pi|arduino|firmware|deprecated|"
	  "bump|websocket|websockets|webpack|eslint|pytest|junit|"
	  "spring boot|rails|laravel|angular|svelte|next.js|fastapi|"
	  "localhost|navbar|sidebar|tooltip|modal|mutex|"
	  "load balancer|sso|hook up|spreadsheet macro|excel formula|"
	  "unhandled|dockerize|containerize|static site|"
	  "lambda function|serverless|crud|orm|docker compose|"
	  "null check|git history" },
	{ DEV, 2,
	  "http|prometheus|grafana|retry|styles|misaligned|layout|"
	  "macro|classifier|hangs|hang|freezes|expose|exposes|ui|"
	  "proxy|logging|socket|sensor|android|ios|simulator|"
	  "simulation|ssl|tls|undefined|embedded|binary|thread|"
	  "threads|chatbot|game|crontab|log in|sign up form|throw|"
	  "thrown|404|500 error|standalone|integration|integrations" },
	{ DEV, 1.5,
	  "set up|adjust|adjusts|extend|extends|introduce|introduces|sort|"
	  "sorts|export|exports|import|imports|wire|handle|handles|"
	  "url|urls|mobile|metric|formula|header|footer" },
	{ ANA, 5,
	  "deep dive|literature review|weigh options|"
	  "estimate correlation|break even|root problem|"
	  "trend analysis|how many of our|which of our" },
	{ ANA, 4,
	  "what is going on|going wrong|what this function|"
	  "what this code|how this code works|what triggered|"
	  "make sense of|regression analysis|most profitable|"
	  "lessons learned" },
	{ ANA, 3,
	  "determine|determines|overview of|weigh|weighs|"
	  "most frequent|most common|cause of|is better|better for|"
	  "versus|vs|kpi|kpis|demographics|distribution of|"
	  "cheapest way|worth it|balance sheet|which is better|"
	  "should we buy|should we use|should i buy|compared with|"
	  "compared to|reason for|reasons for" },
	{ ANA, 2,
	  "complaints|triggered|growth|ledger|usage|margin|margins|"
	  "interviews|probability|group by|group them|how did|"
	  "takes so long|spending|which of these|transactions|"
	  "subscribers|ratings" },
	{ ANA, 1.5,
	  "slow|lost|options|choose between|decide between|reviews|"
	  "behaviour|behavior|percentage|per month|per head|spend|"
	  "spent" },
	{ WRI, 5,
	  "correct spelling|correct grammar|fix grammar|fix spelling|"
	  "fix typos|spelling and grammar|subject line|subject lines|"
	  "blurb|vows|wedding vows|love poem|say this in|notes into|"
	  "landing page copy|complaint to|easier to read|"
	  "thank you email|out of office|write complaint|"
	  "in your own words|product copy" },
	{ WRI, 4,
	  "motto|greeting|greetings|fable|novella|fiction|rhyme|"
	  "rhymes|foreword|preface|epilogue|transcribe|give talk|"
	  "kind words|warm words|few words|better wording|"
	  "sounds better|write talk|letter to|note to" },
	{ WRI, 3,
	  "complaint|describing|glossary|persuasive|cv|transcript|"
	  "pitch|titles for|readable|sequel|politely|polite|"
	  "say that in|article about|comments to|in spanish|"
	  "in german|in french|in english|in italian|in portuguese|"
	  "in dutch|into spanish|into german|into french|"
	  "into english|into italian|into portuguese|into dutch|"
	  "into polish|into japanese|into chinese|to spanish|"
	  "to german|to french|to english|to italian|to polish|"
	  "to japanese|to chinese|love song|cover text|"
	  "wikipedia article" },
	{ WRI, 2,
	  "come up with|talk about|titles|kind|catchy|words for|"
	  "listing|answer|plot|verse|verses|stanza|metaphor|"
	  "metaphors|column about|ad|ads|short text|catchphrase|"
	  "thread about|presentation" },
	{ PLA, 5,
	  "order in which|what has to happen|what has to be done|"
	  "what needs to be done|what needs to happen|reschedule|"
	  "divide work|split work|distribute work|find date|"
	  "structure work|work backwards|do first|plan out|"
	  "guest list|shift plan" },
	{ PLA, 4,
	  "timetable for|who should|before we start|logistics|"
	  "deliverables|cutover|find time|where to start|"
	  "how to organize|how to organise|set goals|book club|"
	  "route for" },
	{ PLA, 3,
	  "objectives|design for|relocate|relocation|move house|"
	  "moving house|owners|design of|project phases|kickoff|"
	  "kick off|preparations|sequence of|phased|staged|quarterly" },
	{ PLA, 2,
	  "timetable|renovate|renovation|dates|preparation|preparing|"
	  "structure|meeting|meet|weekend|kids|travel|itinerary for|"
	  "agenda for" },
	{ PLA, 1,
	  "how would you|until|dependencies|sketch|date|next quarter|"
	  "guests|catering|saturday|sunday" },
	{ VAL, 6,
	  "reproduce bug|reproduce issue|pass or fail|spot check|"
	  "try it out|everything right|does it work|does this work|"
	  "does it still work|still works|is it true|"
	  "check everything|work as expected" },
	{ VAL, 5,
	  "see if|see whether|is legit|checks out|as expected|"
	  "go over|hold up|ready to ship|ready for release|"
	  "ready to merge|safe to merge|walk through and confirm|"
	  "proof of" },
	{ VAL, 4,
	  "legit|legitimate|phishing|contradicts|contradict|"
	  "contradictions|plausible|violates|violate|violations|"
	  "satisfies|satisfy|up to date|grade|grading|"
	  "cross reference|certify|peer reviewed|any issues|"
	  "any problems|any bugs" },
	{ VAL, 3,
	  "correctly|identical|fulfils|fulfills|fulfil|fulfill|eligible|"
	  "genuine|meets|tested on|duplicates|tampered|authentic|"
	  "tolerances|intact|well formed|conformance|homework" },
	{ VAL, 2,
	  "rejects|reject|accepts|against|discrepancies|claim|claims|"
	  "holds|loads|proof|works on|works with|works in|expired|"
	  "handles" },
	{ VAL, 0.75,
	  "is this|are these|does this|does the|is the|are the|"
	  "are all|is our|are our|is my|are my|did i|does our|do all|"
	  "do these|do our" },
	{ GEN, 2,
	  "do you think|what should i cook|free will|i feel|"
	  "can you hear|play game|twenty questions|bored|stain|"
	  "weekend tip|how do you say" },

	/* ---- words that mean something else in these company */
	{ NONE, 0,
	  "floor plan|phone plan|data plan|health plan|pension plan|"
	  "insurance plan|payment plan|cell phone plan|plan view|blood test|"
	  "blood tests|pregnancy test|eye test|covid test|test drive|"
	  "taste test|check in|check out|check up|gene expression|bug spray|"
	  "bug bite|bug bites|stink bug|bed bugs|dress code|zip code|"
	  "postal code|area code|promo code|discount code|qr code|"
	  "building code|morse code|public library|school class|"
	  "yoga class|cooking class|first class|stock market crash|"
	  "car crash|plane crash|design museum|interior design|tv program|"
	  "training program|loyalty program|exercise program|fitness program|"
	  "program manager|test match|write off|sprint race|java island|"
	  "island of java|report card|python snake|love story|"
	  "cover story|toy story|review mirror|story points|"
	  "body function|organ function|kidney function|liver function|"
	  "tree branch|bank branch|building permit|office building|"
	  "tall building|old building|letter carrier|chain letter|capital "
	  "letter|capital letters|article of clothing|port wine|"
	  "shell fish|fix dinner|quick fix|coffee table|dinner table|"
	  "budget airline|budget hotel|plan b|in case|what if|so what" },
	{ DEV, 0, NULL },
};

static const struct deia__hard_row hard[] = {
	{ 0.20, "from scratch|distributed|end to end|entire system|"
		"whole system|fault tolerant|multi tenant|consensus|"
		"zero downtime|high availability|operating system" },
	{ 0.15,
	  "complex|complicated|architecture|refactor|refactoring|redesign|"
	  "migrate|migration|concurrency|concurrent|multithreaded|"
	  "race condition|deadlock|scalable|comprehensive|in depth|"
	  "large scale|security audit|compiler|cryptography|encryption|"
	  "kernel|memory leak|performance problem|real time|difficult|"
	  "thesis|dissertation|novel|entire codebase|whole codebase" },
	{ 0.10,
	  "detailed|thorough|thoroughly|integrate|integration|optimize|"
	  "optimise|performance|security|multiple|several|across|entire|"
	  "whole|legacy|algorithm|research|design|backward compatible|"
	  "production|framework|platform|root cause|strategy|hard|"
	  "multi step|every|all of|microservices|compliance|investigate" },
	{ -0.15, "typo|one liner|one line|trivial|rename|hello world|"
		 "one sentence|one word|yes or no" },
	{ -0.10,
	  "simple|simply|small|short|quick|quickly|brief|briefly|minor|just|"
	  "easy|single|tiny|little|basic|haiku|two sentences" },
	{ 0, NULL },
};

/* Few, and those that a text says plainly. */
static const struct deia__cap_row caps[] = {
	{ "python", "python|django|flask|pandas|numpy|pytest|.py" },
	{ "javascript",
	  "javascript|typescript|node.js|nodejs|npm|.js|.ts|.tsx|.jsx|.mjs" },
	{ "c", "written in c|program in c|code in c|rewrite in c|c code|c "
	       "program|c library|c function|c11|c99|.c|.h" },
	{ "c++", "c++|cpp|.cpp|.hpp|.cc" },
	{ "c#", "c#|.net core|.cs" },
	{ "java", "in java|java code|java class|java program|java service|"
		  "spring boot|.java" },
	{ "rust", "in rust|rust code|rust crate|rust program|.rs" },
	{ "go", "golang|in go|go code|go program|go service|.go" },
	{ "sql", "sql|postgres|postgresql|mysql|sqlite|.sql" },
	{ "shell", "bash|shell script|shell scripts|zsh|.sh" },
	{ "web", "html|css|react|vue|frontend|front end|.html|.css" },
	{ "containers", "docker|dockerfile|kubernetes|podman|helm chart" },
	{ "translation", "translate|translates|translated|translating|"
			 "translation|translations" },
	{ "vision", "screenshot|screenshots|in image|in picture|in photo|"
		    "attached image|attached photo|attached picture|this "
		    "image|this photo|this picture" },
	{ "browsing", "search web|search internet|look up online|browse web|"
		      "search online|on the internet" },
	{ NULL, NULL },
};

const struct deia__task_language deia__task_english = {
	.articles = "a|an|the|this|that|these|those|some|any|my|your|our|his|"
		    "her|its|their|me|us",
	.fillers = "please|hi|hello|hey|dear|can|could|would|will|you|i|we|"
		   "need|want|to|let|lets|us|me|kindly|help|now|first|just|"
		   "should|must|like|i'd|i'm|we'd|the|a|an|ok|okay|so|and|"
		   "task|go|ahead|someone|somebody|have|has|get|it|is|time|"
		   "your|job|quickly|bot|team|be|great|if|it'd|looking|for|"
		   "trying|try|i'll|we'll|also|new|ticket|todo|asap|urgent",
	.steps = "then|after that|afterwards|finally|secondly|thirdly|"
		 "step 1|step 2|step 3|step 4|step 5|once that is done|"
		 "after this|at the end|followed by|as well as|and also",
	.types = types,
	.hard = hard,
	.caps = caps,
};
