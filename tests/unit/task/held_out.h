/* SPDX-License-Identifier: MIT */
/*
 * held_out.h - texts that were written after the words of the tables, and that
 * no word was chosen for. They measure; whoever adds words because of one of
 * them moves it to texts.h and writes another one here.
 */
#ifndef TEST_TASK_HELD_OUT_H
#define TEST_TASK_HELD_OUT_H

#include "texts.h"

static const struct labelled held_out[] = {
	{ "development", "Every time I open two tabs the session gets lost. "
			 "Please repair this." },
	{ "development", "Write a small web scraper that collects flat "
			 "listings and stores them in SQLite" },
	{ "development",
	  "Replace moment.js with date-fns in the whole front end" },
	{ "development", "The latest build crashes on startup on Windows 11" },
	{ "development",
	  "I want a Discord bot that posts the daily lunch menu" },
	{ "development", "Add a \"copy link\" item to the context menu" },
	{ "development", "Speed up the image upload, currently each picture "
			 "takes eight seconds" },
	{ "development", "Please make the sidebar collapsible" },
	{ "development",
	  "Write a Makefile target that cleans all generated files" },
	{ "development", "Split utils.ts into smaller modules" },
	{ "development", "Baue einen Dunkelmodus in die App ein" },
	{ "development",
	  "Crea un script en bash que borre los archivos temporales" },
	{ "analysis", "Why do our trains arrive late on Mondays more often "
		      "than on other days?" },
	{ "analysis", "Compare the three phone plans and tell me which one is "
		      "cheapest for 10 GB a month" },
	{ "analysis", "Work through the crash dumps of the last week and group "
		      "them by probable cause" },
	{ "analysis", "What patterns do you see in these sleep records?" },
	{ "analysis", "Assess whether moving to a four day week would hurt our "
		      "delivery times" },
	{ "analysis",
	  "Who are our ten most profitable customers and what do they buy?" },
	{ "analysis", "Evaluate how well the new onboarding works, using the "
		      "numbers in signup.csv" },
	{ "analysis", "Read the planning documents of the city and explain "
		      "what they mean for cyclists" },
	{ "analysis", "Analyse the plot structure of Hamlet" },
	{ "analysis",
	  "Give me the strengths and weaknesses of each applicant" },
	{ "analysis", "Bewerte die Angebote der drei Handwerker" },
	{ "analysis", "Examina las causas del retraso en las entregas" },
	{ "writing", "Write something nice for my colleague's farewell" },
	{ "writing", "Draft a polite reminder for an unpaid invoice" },
	{ "writing", "Condense the report to one page for the board" },
	{ "writing", "Please translate our menu into Italian" },
	{ "writing",
	  "Write an obituary for my grandfather, who was a test pilot" },
	{ "writing",
	  "Create a catchy headline for an article about urban bees" },
	{ "writing", "Improve the style of the following paragraph" },
	{ "writing", "Put my thoughts below into a well-structured essay" },
	{ "writing",
	  "An apology to a guest whose flight we booked for the wrong day" },
	{ "writing",
	  "Write the lyrics of a country song about a broken tractor" },
	{ "writing", "Schreibe eine Einladung zu meinem 40. Geburtstag" },
	{ "writing", "Redacta un correo para cancelar la suscripción" },
	{ "planning", "Plan my week: gym three times, two dentist visits, and "
		      "the tax papers" },
	{ "planning", "Set the agenda for tomorrow's board meeting" },
	{ "planning", "We want to open a second shop next spring. Which steps "
		      "are needed, and when?" },
	{ "planning", "Make a schedule for feeding the cat while we are away" },
	{ "planning", "Lay out a strategy for getting our first 100 users" },
	{ "planning",
	  "How do we phase out the old printers without disturbing anybody?" },
	{ "planning", "Divide the chapters of the book among the six authors "
		      "and set deadlines" },
	{ "planning", "Organise a surprise party for thirty people" },
	{ "planning", "Plane den Ablauf der Weihnachtsfeier" },
	{ "planning", "Prepara un itinerario de una semana por Galicia" },
	{ "validation", "Can you check my maths homework?" },
	{ "validation", "Test whether the API answers within 200 ms" },
	{ "validation", "Is there anything wrong with this contract?" },
	{ "validation",
	  "Go through the translation and mark everything that is wrong" },
	{ "validation",
	  "Verify my proof that there are infinitely many primes" },
	{ "validation", "Review the plan for mistakes before we send it out" },
	{ "validation", "Ensure the spreadsheet adds up" },
	{ "validation", "Stimmt die Rechnung? Bitte nachrechnen." },
	{ "validation", "Comprueba si la contraseña cumple los requisitos" },
	{ "general", "Which contest did Abba win?" },
	{ "general", "How long does it take to boil an egg?" },
	{ "general", "Can I take scissors on an airplane?" },
	{ "general", "Good morning! Did you sleep well?" },
	{ "general", "What is the difference between weather and climate?" },
	{ "general", "Wie viele Einwohner hat Wien?" },
	{ "general", "¿Quién pintó el Guernica?" },
};

#endif
