/* SPDX-License-Identifier: MIT */
/*
 * What JSON schemas say of values: for each keyword what holds and what does
 * not, and in which words. What is not supported is refused with its place.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "expect/expect.h"
#include "expect/schema.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

/* Single quotes stand for double ones. */
static const char *quoted(char *out, size_t size, const char *before,
			  const char *text, const char *after)
{
	int len = snprintf(out, size, "%s%s%s", before, text, after);

	ck_assert_int_lt(len, (int)size);
	for (char *p = out; *p; p++)
		if (*p == '\'')
			*p = '"';
	return out;
}

static deia_err make(struct deia__expect **e, const char *schema,
		     struct deia__errmsg *why)
{
	char json[4096];

	return deia__expect_new(
		e, quoted(json, sizeof(json), "{'json_schema':", schema, "}"),
		why);
}

/* why: NULL: it holds. */
static const struct {
	const char *schema, *value, *why;
} cases[] = {
	{ "true", "1", NULL },
	{ "{}", "[1,{'a':null}]", NULL },
	{ "false", "1", "the answer: nothing is allowed here" },

	{ "{'type':'integer'}", "3.0", NULL },
	{ "{'type':'integer'}", "1e3", NULL },
	{ "{'type':'integer'}", "3.5",
	  "the answer: expected integer, found number 3.5" },
	{ "{'type':'number'}", "3", NULL },
	{ "{'type':'number'}", "'3'",
	  "the answer: expected number, found string \"3\"" },
	{ "{'type':'boolean'}", "0",
	  "the answer: expected boolean, found number 0" },
	{ "{'type':'object'}", "[]",
	  "the answer: expected object, found array" },
	{ "{'type':'array'}", "{}",
	  "the answer: expected array, found object" },
	{ "{'type':'string'}", "null",
	  "the answer: expected string, found null" },
	{ "{'type':['string','null']}", "null", NULL },
	{ "{'type':['string','null']}", "true",
	  "the answer: expected string or null, found boolean true" },

	{ "{'enum':['red',3,null,{'a':[1]}]}", "{'a':[1.0]}", NULL },
	{ "{'enum':['red',3]}", "'green'",
	  "the answer: \"green\" is none of the values of enum" },
	{ "{'enum':[0]}", "false",
	  "the answer: false is none of the values of enum" },
	{ "{'const':{'a':1,'b':[2,3]}}", "{'b':[2,3],'a':1}", NULL },
	{ "{'const':{'a':1}}", "{'a':1,'b':2}",
	  "the answer: expected object, found object" },
	{ "{'const':[1,2]}", "[2,1]",
	  "the answer: expected array, found array" },
	{ "{'const':'yes'}", "'no'",
	  "the answer: expected \"yes\", found \"no\"" },
	{ "{'const':null}", "null", NULL },

	{ "{'minimum':1,'maximum':3}", "3", NULL },
	{ "{'minimum':1}", "0.5",
	  "the answer: expected at least 1, found 0.5" },
	{ "{'maximum':3}", "4", "the answer: expected at most 3, found 4" },
	{ "{'exclusiveMinimum':1}", "1",
	  "the answer: expected more than 1, found 1" },
	{ "{'exclusiveMaximum':3}", "3",
	  "the answer: expected less than 3, found 3" },
	{ "{'minimum':10}", "'text'", NULL },
	{ "{'multipleOf':0.01}", "19.99", NULL },
	{ "{'multipleOf':0.0001}", "0.0075", NULL },
	{ "{'multipleOf':0.0001}", "0.00751",
	  "the answer: expected a multiple of 0.0001, found 0.00751" },
	{ "{'multipleOf':3}", "9007199254740990", NULL },
	{ "{'multipleOf':3}", "9007199254740991",
	  "the answer: expected a multiple of 3, found 9007199254740991" },
	{ "{'multipleOf':2}", "0", NULL },
	{ "{'multipleOf':2}", "-4", NULL },
	{ "{'multipleOf':0.5}", "1e308", NULL },
	{ "{'multipleOf':1e-300}", "1e308",
	  "the answer: expected a multiple of 1e-300, found 1e+308" },

	{ "{'minLength':2,'maxLength':2}", "'\xc3\xa4\xf0\x9f\x90\x9d'", NULL },
	{ "{'minLength':2}", "'a'",
	  "the answer: expected at least 2 characters" },
	{ "{'maxLength':2}", "'abc'",
	  "the answer: expected at most 2 characters" },
	{ "{'pattern':'b'}", "'abc'", NULL },
	{ "{'pattern':'^b'}", "'abc'",
	  "the answer: \"abc\" does not match /^b/" },
	{ "{'pattern':'^a$'}", "'a\\n'",
	  "the answer: \"a?\" does not match /^a$/" },
	{ "{'pattern':'^\\\\u00e4$'}", "'\xc3\xa4'", NULL },
	{ "{'pattern':'[]'}", "'a'", "the answer: \"a\" does not match /[]/" },
	{ "{'pattern':'^b'}", "7", NULL },

	{ "{'items':{'type':'string'}}", "['a','b']", NULL },
	{ "{'items':{'type':'string'}}", "['a',2]",
	  "/1: expected string, found number 2" },
	{ "{'items':false}", "[]", NULL },
	{ "{'prefixItems':[{'type':'string'},{'type':'number'}]}", "['a']",
	  NULL },
	{ "{'prefixItems':[{'type':'string'},{'type':'number'}]}", "['a','b']",
	  "/1: expected number, found string \"b\"" },
	{ "{'prefixItems':[{}],'items':false}", "[1]", NULL },
	{ "{'items':false,'prefixItems':[{}]}", "[1,2]",
	  "/1: nothing is allowed here" },
	{ "{'minItems':1,'maxItems':2}", "[1,2]", NULL },
	{ "{'minItems':1}", "[]", "the answer: expected at least 1 items" },
	{ "{'maxItems':2}", "[1,2,3]", "the answer: expected at most 2 items" },
	{ "{'uniqueItems':true}", "[1,'1',true,null,[1],{'a':1},{'a':2}]",
	  NULL },
	{ "{'uniqueItems':true}", "[{'a':1,'b':2},3,{'b':2,'a':1}]",
	  "the answer: items 0 and 2 are equal" },
	{ "{'uniqueItems':true}", "[0,1,-0.0]",
	  "the answer: items 0 and 2 are equal" },
	{ "{'uniqueItems':false}", "[1,1]", NULL },
	{ "{'contains':{'const':1}}", "[2,1]", NULL },
	{ "{'contains':{'const':1}}", "[2]",
	  "the answer: 0 items fit the schema of contains, not 1" },
	{ "{'contains':{'const':1},'minContains':2}", "[1,1]", NULL },
	{ "{'contains':{'const':1},'minContains':2}", "[1,2]",
	  "the answer: 1 items fit the schema of contains, not 2" },
	{ "{'contains':{'const':1},'minContains':0}", "[]", NULL },
	{ "{'contains':{'const':1},'maxContains':1}", "[1,1]",
	  "the answer: more than 1 items fit the schema of contains" },

	{ "{'required':['a','b']}", "{'b':null,'a':1}", NULL },
	{ "{'required':['a','b']}", "{'a':1}",
	  "the answer: the property \"b\" is missing" },
	{ "{'required':['a']}", "[]", NULL },
	{ "{'required':['__proto__']}", "{}",
	  "the answer: the property \"__proto__\" is missing" },
	{ "{'properties':{'a':{'type':'number'}}}", "{'b':'x'}", NULL },
	{ "{'properties':{'a':{'type':'number'}}}", "{'a':'x'}",
	  "/a: expected number, found string \"x\"" },
	{ "{'properties':{'A':false}}", "{'a':1}", NULL },
	{ "{'properties':{'a':{}},'additionalProperties':false}", "{'a':1}",
	  NULL },
	{ "{'additionalProperties':false,'properties':{'a':{}}}", "{'c':1}",
	  "the answer: the property \"c\" is not allowed" },
	{ "{'additionalProperties':{'type':'number'}}", "{'x':{}}",
	  "/x: expected number, found object" },
	{ "{'patternProperties':{'^n_':{'type':'number'}}}", "{'n_a':1,'b':''}",
	  NULL },
	{ "{'patternProperties':{'^n_':{'type':'number'}}}", "{'n_a':''}",
	  "/n_a: expected number, found string \"\"" },
	{ "{'patternProperties':{'^n_':{}},'additionalProperties':false}",
	  "{'n_a':''}", NULL },
	{ "{'patternProperties':{'^n_':{}},'additionalProperties':false}",
	  "{'m':''}", "the answer: the property \"m\" is not allowed" },
	{ "{'propertyNames':{'maxLength':2}}", "{'ab':1}", NULL },
	{ "{'propertyNames':{'maxLength':2}}", "{'abc':1}",
	  "/abc: expected at most 2 characters" },
	{ "{'minProperties':1,'maxProperties':1}", "{'a':1}", NULL },
	{ "{'minProperties':1}", "{}",
	  "the answer: expected at least 1 properties" },
	{ "{'maxProperties':1}", "{'a':1,'b':1}",
	  "the answer: expected at most 1 properties" },
	{ "{'dependentRequired':{'a':['b']}}", "{'c':1}", NULL },
	{ "{'dependentRequired':{'a':['b']}}", "{'a':1}",
	  "the answer: the property \"b\" is missing" },
	{ "{'dependentSchemas':{'a':{'maxProperties':1}}}", "{'b':1,'c':1}",
	  NULL },
	{ "{'dependentSchemas':{'a':{'maxProperties':1}}}", "{'a':1,'c':1}",
	  "the answer: expected at most 1 properties" },

	{ "{'allOf':[{'minimum':1},{'maximum':3}]}", "2", NULL },
	{ "{'allOf':[{'minimum':1},{'maximum':3}]}", "4",
	  "the answer: expected at most 3, found 4" },
	{ "{'anyOf':[{'type':'null'},{'minimum':3}]}", "4", NULL },
	{ "{'anyOf':[{'type':'null'},{'minimum':3}]}", "1",
	  "the answer: fits none of the schemas of anyOf" },
	{ "{'oneOf':[{'minimum':3},{'type':'integer'}]}", "1", NULL },
	{ "{'oneOf':[{'minimum':3},{'type':'integer'}]}", "4",
	  "the answer: fits more than one of the schemas of oneOf" },
	{ "{'oneOf':[{'minimum':3},{'type':'integer'}]}", "1.5",
	  "the answer: fits none of the schemas of oneOf" },
	{ "{'not':{'type':'null'}}", "1", NULL },
	{ "{'not':{'type':'null'}}", "null",
	  "the answer: fits the schema of not" },
	{ "{'not':{'not':{'minimum':1}}}", "0",
	  "the answer: fits the schema of not" },
	{ "{'if':{'minimum':10},'then':{'maximum':20},'else':{'minimum':5}}",
	  "15", NULL },
	{ "{'if':{'minimum':10},'then':{'maximum':20},'else':{'minimum':5}}",
	  "25", "the answer: expected at most 20, found 25" },
	{ "{'if':{'minimum':10},'then':{'maximum':20},'else':{'minimum':5}}",
	  "1", "the answer: expected at least 5, found 1" },
	{ "{'if':{'minimum':10}}", "1", NULL },

	{ "{'$ref':'#/$defs/a','$defs':{'a':{'minimum':1}}}", "1", NULL },
	{ "{'$ref':'#/definitions/a','definitions':{'a':{'minimum':1}}}", "0",
	  "the answer: expected at least 1, found 0" },
	{ "{'$ref':'#/$defs/a','maximum':5,'$defs':{'a':{'minimum':1}}}", "6",
	  "the answer: expected at most 5, found 6" },
	{ "{'$ref':'#/$defs/a~1b%20~0c','$defs':{'a/b ~c':{'minimum':1}}}", "0",
	  "the answer: expected at least 1, found 0" },
	{ "{'$ref':'#/$defs/a/anyOf/1','$defs':{'a':{'anyOf':[true,false]}}}",
	  "0", "the answer: nothing is allowed here" },
	{ "{'properties':{'next':{'$ref':'#'},'n':{'type':'integer'}},"
	  "'required':['n']}",
	  "{'n':1,'next':{'n':2,'next':{'n':'x'}}}",
	  "/next/next/n: expected integer, found string \"x\"" },
	{ "{'properties':{'items':{'items':{'properties':{'price':{'type':"
	  "'number'}}}}}}",
	  "{'items':[{'price':1},{'price':'2'}]}",
	  "/items/1/price: expected number, found string \"2\"" },
	{ "{'additionalProperties':{'type':'number'}}", "{'a/b~c':'x'}",
	  "/a~1b~0c: expected number, found string \"x\"" },

	{ "{'$schema':'https://json-schema.org/draft/2020-12/schema','$id':"
	  "'x','title':'','description':'','default':1,'examples':[],"
	  "'$comment':'','format':'email','deprecated':true,'readOnly':true,"
	  "'writeOnly':false}",
	  "'no address'", NULL },
};

START_TEST(value_keeps_to_a_schema_or_the_place_is_named)
{
	struct deia__errmsg why = { "" };
	struct deia__expect *e;
	char value[512];
	deia_err err = make(&e, cases[_i].schema, &why);

	ck_assert_msg(err == DEIA_OK, "%s: %s", cases[_i].schema, why.text);
	quoted(value, sizeof(value), "", cases[_i].value, "");
	err = deia__expect_holds(e, value, strlen(value), &why);
	ck_assert_msg(err == (cases[_i].why ? DEIA_EREMOTE : DEIA_OK),
		      "%s of %s: %d, %s", cases[_i].schema, value, err,
		      why.text);
	ck_assert_str_eq(why.text, cases[_i].why ? cases[_i].why : "");
	deia__expect_free(e);
}
END_TEST

/* ---- what is refused --------------------------------------------------- */

static const struct {
	const char *schema, *why; /* how it begins */
} wrongs[] = {
	{ "[]", "json_schema: must be an object, true or false" },
	{ "{'tpye':'object'}",
	  "json_schema/tpye: this keyword is not supported" },
	{ "{'properties':{'a':{'items':{'unevaluatedItems':false}}}}",
	  "json_schema/properties/a/items/unevaluatedItems: this keyword" },
	{ "{'anyOf':[{},{'maxItem':1}]}",
	  "json_schema/anyOf/1/maxItem: this keyword is not supported" },
	{ "{'':1}", "json_schema/: this keyword is not supported" },
	{ "{'type':'int'}", "json_schema/type: must be one of null, boolean" },
	{ "{'type':[]}", "json_schema/type: must be one of" },
	{ "{'type':['string',1]}", "json_schema/type: must be one of" },
	{ "{'enum':[]}", "json_schema/enum: must be a list, not empty" },
	{ "{'enum':1}", "json_schema/enum: must be a list" },
	{ "{'minItems':-1}", "json_schema/minItems: must be a whole number" },
	{ "{'minItems':1.5}", "json_schema/minItems: must be a whole number" },
	{ "{'minItems':'1'}", "json_schema/minItems: must be a number" },
	{ "{'minimum':'1'}", "json_schema/minimum: must be a number" },
	{ "{'exclusiveMinimum':true}",
	  "json_schema/exclusiveMinimum: must be a number" },
	{ "{'minimum':1e999}", "json_schema/minimum: must be a number" },
	{ "{'multipleOf':0}",
	  "json_schema/multipleOf: must be greater than 0" },
	{ "{'uniqueItems':1}", "json_schema/uniqueItems: must be true or" },
	{ "{'required':'a'}", "json_schema/required: must be a list of names" },
	{ "{'required':[1]}", "json_schema/required: must be a list of names" },
	{ "{'dependentRequired':[]}",
	  "json_schema/dependentRequired: must be an object of lists" },
	{ "{'dependentRequired':{'a':1}}",
	  "json_schema/dependentRequired/a: must be a list of names" },
	{ "{'properties':[]}", "json_schema/properties: must be an object of" },
	{ "{'properties':{'a':1}}",
	  "json_schema/properties/a: must be an obj" },
	{ "{'allOf':[]}", "json_schema/allOf: must be a list of schemas" },
	{ "{'allOf':{}}", "json_schema/allOf: must be a list of schemas" },
	{ "{'items':[{}]}", "json_schema/items: a list of schemas, one for" },
	{ "{'not':null}", "json_schema/not: must be an object, true or false" },
	{ "{'pattern':1}",
	  "json_schema/pattern: must be a regular expression" },
	{ "{'pattern':'('}",
	  "json_schema/pattern: not a regular expression: missing closing" },
	{ "{'patternProperties':{'(':{}}}",
	  "json_schema/patternProperties/(: not a regular expression" },
	{ "{'then':{}}", "json_schema/then: does nothing without if" },
	{ "{'minContains':1}",
	  "json_schema/minContains: does nothing without contains" },
	{ "{'items':{'$id':'x'}}",
	  "json_schema/items/$id: is supported at the root only" },
	{ "{'$ref':1}", "json_schema/$ref: must be a text like" },
	{ "{'$ref':'#/$defs/a'}",
	  "json_schema: $ref \"#/$defs/a\" points at no schema in here" },
	{ "{'$ref':'other.json'}", "json_schema: $ref \"other.json\" points" },
	{ "{'$ref':'#a'}", "json_schema: $ref \"#a\" points at no schema" },
	{ "{'$ref':'#/default','default':{}}",
	  "json_schema: $ref \"#/default\" points at no schema in here" },
	{ "{'$ref':'#/properties','properties':{}}",
	  "json_schema: $ref \"#/properties\" points at no schema" },
	{ "{'$ref':'#/allOf/01','allOf':[{},{}]}", "json_schema: $ref \"#/al" },
	{ "{'$ref':'#/allOf/-','allOf':[{},{}]}", "json_schema: $ref \"#/al" },
	{ "{'$ref':'#/$defs/%4','$defs':{'a':{}}}", "json_schema: $ref \"#" },
	{ "{'$ref':'#/$defs/~2','$defs':{'a':{}}}", "json_schema: $ref \"#" },
	{ "{'$ref':'#'}",
	  "json_schema: $ref \"#\" comes back to itself without going into" },
	{ "{'$defs':{'a':{'allOf':[{'not':{'$ref':'#/$defs/b'}}]},"
	  "'b':{'if':true,'then':{'$ref':'#/$defs/a'}}}}",
	  "json_schema: $ref \"#/$defs/" },
};

START_TEST(what_is_no_schema_is_refused_with_its_place)
{
	struct deia__errmsg why = { "" };
	struct deia__expect *e;

	ck_assert_int_eq(make(&e, wrongs[_i].schema, &why), DEIA_EFIELD);
	ck_assert_ptr_null(e);
	ck_assert_msg(
		!strncmp(why.text, wrongs[_i].why, strlen(wrongs[_i].why)),
		"%s: %s", wrongs[_i].schema, why.text);
}
END_TEST

START_TEST(keywords_are_in_order)
{
	for (int i = 0; i < DEIA__WORDS; i++)
		ck_assert_int_eq(deia__keyword_find(deia__keywords[i].name), i);
	ck_assert_int_eq(deia__keyword_find(""), -1);
	ck_assert_int_eq(deia__keyword_find("zzz"), -1);
}
END_TEST

/* ---- bounds ------------------------------------------------------------ */

/* Each name stands for two of the next: 2^30 ways through it. */
START_TEST(schema_that_doubles_is_given_up)
{
	struct deia__errmsg why = { "" };
	char schema[4096];
	struct deia__expect *e;
	size_t len;

	len = (size_t)sprintf(schema, "{'$ref':'#/$defs/d0','$defs':{");
	for (int i = 0; i < 30; i++)
		len += (size_t)sprintf(schema + len,
				       "'d%d':{'anyOf':[{'$ref':'#/$defs/d%d'},"
				       "{'$ref':'#/$defs/d%d'}]},",
				       i, i + 1, i + 1);
	sprintf(schema + len, "'d30':false}}");
	ck_assert_int_eq(make(&e, schema, &why), DEIA_OK);
	ck_assert_int_eq(deia__expect_holds(e, "1", 1, &why), DEIA_ELIMIT);
	ck_assert_ptr_nonnull(strstr(why.text, "more work than is allowed"));
	deia__expect_free(e);
}
END_TEST

/* "[a,b,...]", each made by a format of its number. */
static char *list_of(size_t n, const char *fmt)
{
	char *text = malloc(n * 64 + 2), *p = text;

	ck_assert_ptr_nonnull(text);
	*p++ = '[';
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		p += sprintf(p, fmt, (unsigned)i);
#pragma GCC diagnostic pop
	}
	strcpy(p, "]");
	return text;
}

START_TEST(many_items_are_compared_without_the_square)
{
	struct deia__errmsg why = { "" };
	char *text = list_of(60000, "{\"n\":%u}");
	size_t len = strlen(text);
	struct deia__expect *e;

	ck_assert_int_eq(make(&e, "{'uniqueItems':true}", &why), DEIA_OK);
	ck_assert_int_eq(deia__expect_holds(e, text, len, &why), DEIA_OK);
	strcpy(text + len - 1, ",{\"n\":59}]");
	ck_assert_int_eq(deia__expect_holds(e, text, strlen(text), &why),
			 DEIA_EREMOTE);
	ck_assert_str_eq(why.text, "the answer: items 59 and 60000 are equal");
	deia__expect_free(e);
	free(text);
}
END_TEST

/* A search through 200000 keys for each of so many names. */
START_TEST(wide_object_under_many_names_is_given_up)
{
	struct deia__errmsg why = { "" };
	char *text = list_of(200000, "\"k%u\":1");
	struct deia__expect *e;
	char schema[4096];
	size_t len;

	text[0] = '{';
	text[strlen(text) - 1] = '}';
	len = (size_t)sprintf(schema, "{'properties':{'a':{}");
	for (int i = 0; i < 300; i++)
		len += (size_t)sprintf(schema + len, ",'%d':{}", i);
	strcpy(schema + len, "}}");
	ck_assert_int_eq(make(&e, schema, &why), DEIA_OK);
	ck_assert_int_eq(deia__expect_holds(e, text, strlen(text), &why),
			 DEIA_ELIMIT);
	deia__expect_free(e);
	free(text);
}
END_TEST

START_TEST(deepest_value_is_followed_to_its_end)
{
	struct deia__errmsg why = { "" };
	struct deia__expect *e;
	char text[256] = "";

	for (int i = 0; i < 64; i++)
		strcat(text, "[");
	strcat(text, "1");
	for (int i = 0; i < 64; i++)
		strcat(text, "]");
	ck_assert_int_eq(make(&e,
			      "{'type':'array','items':{'anyOf':[{'$ref':'#'},"
			      "{'type':'integer'}]}}",
			      &why),
			 DEIA_OK);
	ck_assert_int_eq(deia__expect_holds(e, text, strlen(text), &why),
			 DEIA_OK);
	text[64] = '\'';
	text[64] = 't'; /* no JSON: the place is in the reason */
	ck_assert_int_eq(deia__expect_holds(e, text, strlen(text), &why),
			 DEIA_EREMOTE);
	deia__expect_free(e);
}
END_TEST

START_TEST(long_place_is_cut)
{
	struct deia__errmsg why = { "" };
	struct deia__expect *e;
	char key[800], text[1000], *p = text;

	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	p += sprintf(p, "{\"%s\":[\"x\"]}", key);
	ck_assert_int_eq(make(&e,
			      "{'additionalProperties':{'items':{'type':"
			      "'null'}}}",
			      &why),
			 DEIA_OK);
	ck_assert_int_eq(deia__expect_holds(e, text, (size_t)(p - text), &why),
			 DEIA_EREMOTE);
	ck_assert_ptr_nonnull(
		strstr(why.text, "kk...: expected null, found string \"x\""));
	deia__expect_free(e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue-schema");
	TCase *tc = tcase_create("schema");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, value_keeps_to_a_schema_or_the_place_is_named,
			    0, COUNT(cases));
	tcase_add_loop_test(tc, what_is_no_schema_is_refused_with_its_place, 0,
			    COUNT(wrongs));
	tcase_add_test(tc, keywords_are_in_order);
	tcase_add_test(tc, schema_that_doubles_is_given_up);
	tcase_add_test(tc, many_items_are_compared_without_the_square);
	tcase_add_test(tc, wide_object_under_many_names_is_given_up);
	tcase_add_test(tc, deepest_value_is_followed_to_its_end);
	tcase_add_test(tc, long_place_is_cut);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
