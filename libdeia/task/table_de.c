/* SPDX-License-Identifier: MIT */
/*
 * table_de.c - German words about work. Umlauts may be written as vowels with
 * or without their dots; where people write ae, oe, ue, that form is here too.
 * Verbs that German takes apart ("werte ... aus") count by their first part.
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
	{ DEV, 5,
	  "programmiere|programmieren|programmierst|refaktoriere|"
	  "refaktorieren|quellcode|quelltext|fehler beheben|behebe fehler|"
	  "schreibe funktion|schreib funktion|schreibe skript|"
	  "schreib skript|schreibe programm|schreib programm|"
	  "schreibe unittests|schreibe unit tests|schreibe tests|"
	  "speicherleck|pull requests|debugge|debuggen" },
	{ DEV, 4,
	  "implementiere|implementieren|implementierung|kompiliere|"
	  "kompilieren|endpunkt|endpunkte|webanwendung|"
	  "regulären ausdruck|regulärer ausdruck|datenbankabfrage" },
	{ DEV, 3,
	  "entwickle|entwickeln|behebe|beheben|repariere|reparieren|skript|"
	  "skripte|datenbank|datenbanken|schnittstelle|schnittstellen|"
	  "programmierung|anmeldeseite|absturz|"
	  "stürzt ab|kommandozeile|konfiguriere|konfigurieren|funktion" },
	{ DEV, 2,
	  "programm|programme|software|anwendung|webseite|website|"
	  "installiere|installieren|baue|bauen|einbauen|migriere|migrieren|"
	  "abfrage|variable|variablen|modul|anmeldung|automatisiere|"
	  "automatisieren|optimiere|optimieren|funktionen" },
	{ DEV, 1,
	  "klasse|klassen|bibliothek|fehler|füge|hinzufügen|"
	  "ersetze|knopf|schaltfläche|erstelle" },

	{ ANA, 5,
	  "analysiere|analysieren|untersuche|untersuchen|untersuchung|"
	  "auswertung|auswerten|finde heraus|herausfinden|ursache|ursachen|"
	  "vor und nachteile|vorteile und nachteile|marktanalyse|"
	  "werte aus|stärken und schwächen" },
	{ ANA, 4,
	  "analyse|analysen|vergleiche|vergleichen|bewerte|bewerten|"
	  "beurteile|beurteilen|unterschied zwischen|unterschiede zwischen|"
	  "korrelation|ausreißer|zusammenhang|zusammenhänge|ermittle|"
	  "ermitteln|recherchiere|recherchieren|woran liegt" },
	{ ANA, 3,
	  "vergleich|trends|statistik|statistiken|erkenntnisse|recherche|"
	  "datensatz|auswirkungen|warum|wieso|weshalb|engpässe|"
	  "umfrageergebnisse|kennzahlen|werte" },
	{ ANA, 2,
	  "umfrage|muster|umsatz|umsatzzahlen|protokolle|logdateien|"
	  "rückgang|anstieg|gründe|grund" },
	{ ANA, 1, "daten|zahlen|ergebnisse|markt|rückmeldungen" },

	{ WRI, 6,
	  "pressemitteilung|bewerbungsschreiben|motivationsschreiben|"
	  "blogbeitrag|blogartikel|kündigungsschreiben|"
	  "produktbeschreibung|schreibe bericht|schreibe artikel|"
	  "schreibe brief|schreibe e mail|schreibe mail|schreibe text" },
	{ WRI, 5,
	  "verfasse|verfassen|übersetze|übersetzen|übersetz|uebersetze|"
	  "uebersetzen|umformulieren|formuliere|formulieren|aufsatz|gedicht|"
	  "gedichte|kurzgeschichte|anschreiben|korrekturlesen|newsletter|"
	  "einladungsschreiben|glückwunsch|grußkarte|zusammenfassen" },
	{ WRI, 4,
	  "übersetzung|zusammenfassung|fasse zusammen|artikel|einen brief|"
	  "brief an|briefe|geschichte|bericht|dokumentation|einladung|"
	  "anleitung|rundmail|e mail an|mail an|dankesrede|rede|"
	  "stellenanzeige|entwirf|entwerfen" },
	{ WRI, 3,
	  "schreibe|schreib|schreiben|schreibst|fasse|absatz|tagebuch|"
	  "entschuldigung|antwort auf|antworte|textentwurf|"
	  "protokoll der|handbuch|höflicher|überschrift" },
	{ WRI, 2, "entwurf|text|beitrag|satz|kapitel|beschreibe|kürze|stil" },

	{ PLA, 6,
	  "projektplan|zeitplan|reiseplan|ablaufplan|trainingsplan|"
	  "essensplan|speiseplan|stundenplan|businessplan|lernplan|"
	  "wochenplan|erstelle plan|urlaubsplanung|projektplanung|"
	  "einsatzplan|dienstplan|putzplan|veranstaltungsplan" },
	{ PLA, 5,
	  "planung|terminplan|meilensteine|meilenstein|"
	  "tagesordnung|nächsten schritte|nächste schritte|"
	  "aufwandsschätzung|schätze aufwand|reiseroute|"
	  "plane eine|plane einen|plane den|plane die|plane das|plane unsere|"
	  "plane unseren|plane meine|plane meinen|plane mir|plane uns|"
	  "plane bitte|plane für" },
	{ PLA, 4,
	  "planen|plant|priorisiere|priorisieren|organisiere|organisieren|"
	  "zerlege|fahrplan für|teile auf|terminiere|koordiniere|"
	  "koordinieren" },
	{ PLA, 3,
	  "strategie|schätze|aufwand|reihenfolge|architektur|"
	  "lege fest|hochzeit|termine|budget|zeitrahmen|pläne" },
	{ PLA, 2,
	  "reise|urlaub|ausflug|veranstaltung|feier|konferenz|"
	  "betriebsausflug|schritte|schritten|ziele|entwerfe|umzug" },
	{ PLA, 1, "projekt|woche|wochen|monat|tage|aufgaben|nächste woche" },

	{ VAL, 6,
	  "prüfe ob|überprüfe ob|teste ob|kontrolliere ob|stelle sicher|"
	  "führe tests aus|lass tests laufen|faktencheck|checke ob|"
	  "verifiziere ob|pruefe ob|ueberpruefe ob" },
	{ VAL, 5,
	  "prüfe|prüfen|prüf|überprüfe|überprüfen|überprüf|überprüfung|"
	  "prüfung|validiere|validieren|verifiziere|verifizieren|"
	  "pruefe|pruefen|ueberpruefe|ueberpruefen|kontrolliere|"
	  "kontrollieren|gegenlesen|abnahmetest|teste|testen|"
	  "stimmen noch|stimmt noch|ob stimmt|ob stimmen" },
	{ VAL, 3,
	  "kontrolle|abnahme|richtigkeit|korrektheit|plausibel|"
	  "plausibilität|gültig|fehlerfrei|regressionstest|"
	  "anforderungen|vollständigkeit|testfälle" },
	{ VAL, 2, "korrekt|stimmt|stimmen|vollständig|ob|durchsehen" },
	{ VAL, 1, "richtig|fehlt|vorgaben|richtlinien" },

	{ GEN, 5,
	  "hauptstadt von|wie geht es dir|wie geht's|wie spät|"
	  "erzähl witz|erzähle witz|erzähl mir witz|guten morgen|"
	  "guten tag|guten abend|wer bist du" },
	{ GEN, 4,
	  "hauptstadt|witz|wetter|vielen dank|rezept|"
	  "wie alt ist|wie hoch ist|wie weit ist|quadratwurzel" },
	{ GEN, 1, "was ist|was sind|was war|wie viele|wie viel" },
	{ GEN, 3,
	  "wer ist|wer war|wer hat|wann war|"
	  "wann ist|wann wurde|wo ist|wo liegt|wie heißt|"
	  "erzähl|erzähle|danke|was bedeutet|empfiehl|welches land|"
	  "welcher planet|berechne|ausrechnen|wieviel|was kostet" },
	{ GEN, 2,
	  "erkläre|erklär|wer|wann|wo|vorschlag|geschenk|"
	  "empfehlung|geburtstag|kochen" },

	{ NONE, 0,
	  "führerscheinprüfung|postleitzahl|geschichte von|bücherbrief|"
	  "funktion von" },
	{ DEV, 0, NULL },
};

static const struct deia__hard_row hard[] = {
	{ 0.20, "verteilt|verteilte|verteiltes|verteilten|von grund auf|"
		"ausfallsicher|hochverfügbar" },
	{ 0.15, "komplex|komplexe|komplexes|komplexen|umfassend|umfassende|"
		"umfassenden|architektur|migriere|refaktoriere|schwierig|"
		"nebenläufig" },
	{ 0.10,
	  "detailliert|detaillierte|detaillierten|gründlich|mehrere|mehreren|"
	  "gesamte|gesamten|ganze|ganzen|sicherheit|ausführlich|"
	  "ausführliche|ausführlichen|strategie|sämtliche" },
	{ -0.15, "tippfehler|einzeiler|ein satz|einem satz|ja oder nein" },
	{ -0.10, "einfach|einfache|einfaches|einfachen|kurz|kurze|kurzen|"
		 "kurzes|klein|kleine|kleines|kleinen|schnell|nur|mal eben" },
	{ 0, NULL },
};

static const struct deia__cap_row caps[] = {
	{ "translation", "übersetze|übersetzen|übersetz|übersetzung|"
			 "uebersetze|uebersetzen" },
	{ "shell", "shellskript|bashskript" },
	{ "vision", "bildschirmfoto|auf dem bild|auf dem foto|im bild" },
	{ "browsing", "suche im internet|suche im netz|recherchiere online" },
	{ NULL, NULL },
};

const struct deia__task_language deia__task_german = {
	.articles = "der|die|das|den|dem|des|ein|eine|einen|einem|einer|"
		    "eines|mein|meine|meinen|meinem|meiner|unser|unsere|"
		    "unseren|unserem|unserer|dein|deine|deinen|mir|uns|dir|"
		    "diese|diesen|dieses|dieser|diesem",
	.fillers = "bitte|kannst|könntest|könnt|können|könnten|sie|du|ich|"
		   "wir|möchte|möchten|hallo|würdest|mal|mir|uns|hilf|zu|den|"
		   "die|das|der|einen|eine|ein|brauche|brauchen|dabei|"
		   "koenntest|moechte",
	.steps = "danach|anschließend|zum schluss|schließlich|dann|"
		 "im anschluss|zuletzt",
	.types = types,
	.hard = hard,
	.caps = caps,
};
