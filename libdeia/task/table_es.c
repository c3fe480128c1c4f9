/* SPDX-License-Identifier: MIT */
/*
 * table_es.c - Spanish words about work. Accents do not matter in matching.
 * Words that are English ones as well ("resume") are here in phrases only.
 */
#include "task/tables.h"

#include <stddef.h>

#define DEV DEIA__T_DEVELOPMENT
#define ANA DEIA__T_ANALYSIS
#define WRI DEIA__T_WRITING
#define PLA DEIA__T_PLANNING
#define VAL DEIA__T_VALIDATION
#define GEN DEIA__T_GENERAL

static const struct deia__type_row types[] = {
	{ DEV, 5,
	  "refactoriza|refactorizar|depura|depurar|código fuente|"
	  "escribe función|escribe script|escribe programa|"
	  "escribe pruebas|escribe pruebas unitarias|corrige error en|"
	  "arregla error|arregla fallo|expresión regular|crea api" },
	{ DEV, 4,
	  "implementa|implementar|implemente|programar|compila|compilar|"
	  "base de datos|bases de datos|aplicación web|código|"
	  "despliega|desplegar|fuga de memoria|pruebas unitarias" },
	{ DEV, 3,
	  "desarrolla|desarrollar|arregla|arreglar|función|funciones|"
	  "página web|sitio web|programación|configura|configurar" },
	{ DEV, 2,
	  "programa|servidor|aplicación|consulta sql|instala|"
	  "instalar|integra|integrar|optimiza|optimizar|biblioteca de|"
	  "migra|migrar|automatiza|automatizar|corrige|fallo" },
	{ DEV, 1, "añade|agrega|botón|clase|crea|crear|módulo" },

	{ ANA, 5,
	  "analiza|analizar|analice|investiga|investigar|averigua|"
	  "causa raíz|pros y contras|ventajas y desventajas|"
	  "ventajas e inconvenientes|averiguar" },
	{ ANA, 4,
	  "análisis|compara|comparar|examina|examinar|evalúa|evaluar|"
	  "diferencia entre|diferencias entre|correlación|diagnostica" },
	{ ANA, 3,
	  "comparación|tendencias|estadísticas|causa|causas|"
	  "hallazgos|impacto de|por qué|patrones" },
	{ ANA, 2, "encuesta|encuestas|ventas|métricas|identifica|registros" },
	{ ANA, 1, "datos|cifras|resultados|mercado" },

	{ WRI, 6,
	  "carta de presentación|nota de prensa|"
	  "comunicado de prensa|entrada de blog|artículo de blog|"
	  "descripción de producto|escribe carta|escribe correo|"
	  "escribe artículo|escribe poema|escribe cuento|"
	  "escribe informe" },
	{ WRI, 5,
	  "redacta|redactar|traduce|traducir|traduzca|traducción|resumir|"
	  "resumen de|resume el|resume la|resume los|resume las|resume este|"
	  "resume esta|ensayo|poema|cuento|boletín|reescribe|reescribir" },
	{ WRI, 4,
	  "resumen|artículo|carta|discurso|informe|invitación|"
	  "documentación|párrafo|comunicado|relato" },
	{ WRI, 3,
	  "escribe|escribir|escriba|correo|correo electrónico|"
	  "historia sobre|guía|borrador|disculpa|ortografía" },
	{ WRI, 2, "texto|mensaje para|manual de|describe" },

	{ PLA, 6,
	  "plan de proyecto|plan de trabajo|plan de viaje|"
	  "plan de entrenamiento|plan de negocio|plan de estudio|"
	  "plan de marketing|crea plan|haz plan|elabora plan|"
	  "plan de comidas|plan de acción" },
	{ PLA, 5,
	  "planifica|planificar|planificación|cronograma|"
	  "hoja de ruta|itinerario|próximos pasos|planea|planear|"
	  "lista de tareas" },
	{ PLA, 4,
	  "organiza|organizar|prioriza|priorizar|hitos|"
	  "calendario|programa reunión" },
	{ PLA, 3,
	  "presupuesto|estrategia|estima|estimar|boda|prioridades|"
	  "divide en tareas|divide en pasos" },
	{ PLA, 2, "viaje|vacaciones|evento|conferencia|fases|pasos|plazos" },
	{ PLA, 1, "proyecto|semana|semanas|meses|mudanza" },

	{ VAL, 6,
	  "verifica si|verifica que|comprueba si|comprueba que|"
	  "revisa si|revisa que|ejecuta pruebas|"
	  "control de calidad|valida que|asegúrate de que" },
	{ VAL, 5,
	  "verifica|verificar|verifique|comprueba|comprobar|valida|"
	  "validar|validación|revisa código|revisión de código|"
	  "es correcto|son correctos|es correcta|son correctas" },
	{ VAL, 4, "revisa|revisar|revise|asegúrate|prueba si|auditoría" },
	{ VAL, 3,
	  "pruebas|prueba|probar|cumple con|cumple|cumplen|errores en|"
	  "revisión|funciona bien" },
	{ VAL, 2, "correcto|correctos|correcta|correctas|requisitos|norma" },

	{ GEN, 5,
	  "capital de|cómo estás|cuenta chiste|cuéntame chiste|"
	  "qué hora es|buenos días|buenas tardes|quién eres" },
	{ GEN, 4, "chiste|muchas gracias|receta|cuántos años|qué tiempo hace" },
	{ GEN, 1, "cuál es|cuáles son|cuántos|cuántas|cuánto|cuánta" },
	{ GEN, 3,
	  "quién es|quién fue|quién escribió|cuándo fue|"
	  "dónde está|hola|gracias|cuéntame|"
	  "qué significa|recomienda|recomiéndame|calcula" },
	{ GEN, 2, "qué es|qué son|explica|explícame|quién|cuándo|dónde|clima" },
	{ DEV, 0, NULL },
};

static const struct deia__hard_row hard[] = {
	{ 0.20, "distribuido|distribuida|desde cero|alta disponibilidad" },
	{ 0.15, "complejo|compleja|arquitectura|refactoriza|migración|"
		"exhaustivo|exhaustiva|escalable|difícil" },
	{ 0.10, "detallado|detallada|completo|completa|varios|varias|"
		"múltiples|seguridad|estrategia|a fondo|todo el|toda la" },
	{ -0.15, "errata|una línea|una frase|sí o no" },
	{ -0.10, "sencillo|sencilla|corto|corta|breve|breves|pequeño|"
		 "pequeña|rápido|rápida|solo" },
	{ 0, NULL },
};

static const struct deia__cap_row caps[] = {
	{ "translation", "traduce|traducir|traduzca|traducción" },
	{ "vision", "captura de pantalla|en la imagen|en la foto" },
	{ "browsing", "busca en internet|busca en la web" },
	{ NULL, NULL },
};

const struct deia__task_language deia__task_spanish = {
	.articles = "el|la|los|las|un|una|unos|unas|mi|mis|tu|tus|su|sus|"
		    "nuestro|nuestra|este|esta|estos|estas|me",
	.fillers = "por|favor|puedes|podrías|puede|quiero|que|necesito|"
		   "necesitamos|ayúdame|a|hola|me|nos|el|la|los|las|un|una",
	.steps = "luego|después|finalmente|por último|a continuación",
	.types = types,
	.hard = hard,
	.caps = caps,
};
