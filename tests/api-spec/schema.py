# SPDX-License-Identifier: MIT
"""Checks values against the JSON Schemas of docs/openapi.yaml.

Knows the keywords that the document uses and refuses any other, so that no
rule is silently not checked. Objects are checked strictly: a member that the
schema does not name is a fault too, unless the schema names none at all.
"""
import re

TYPES = {
    'object': lambda v: isinstance(v, dict),
    'array': lambda v: isinstance(v, list),
    'string': lambda v: isinstance(v, str),
    'boolean': lambda v: isinstance(v, bool),
    'null': lambda v: v is None,
    'integer': lambda v: isinstance(v, int) and not isinstance(v, bool),
    'number': lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}
NOTES = {'description', 'default', 'examples', 'example', 'title', 'format'}
SIMPLE = {
    'enum': lambda v, x: v in x,
    'const': lambda v, x: v == x,
    'pattern': lambda v, x: not isinstance(v, str) or re.search(x, v),
    'minLength': lambda v, x: not isinstance(v, str) or len(v) >= x,
    'maxLength': lambda v, x: not isinstance(v, str) or len(v) <= x,
    'minimum': lambda v, x: not TYPES['number'](v) or v >= x,
    'maximum': lambda v, x: not TYPES['number'](v) or v <= x,
    'minItems': lambda v, x: not isinstance(v, list) or len(v) >= x,
    'maxItems': lambda v, x: not isinstance(v, list) or len(v) <= x,
    'minProperties': lambda v, x: not isinstance(v, dict) or len(v) >= x,
    'maxProperties': lambda v, x: not isinstance(v, dict) or len(v) <= x,
}


class Schemas:
    """The document; answers what is wrong with a value."""

    def __init__(self, doc):
        self.doc = doc

    def resolve(self, node):
        """The node that a $ref names, or the node itself."""
        while '$ref' in node:
            target = self.doc
            for part in node['$ref'].removeprefix('#/').split('/'):
                target = target[part.replace('~1', '/').replace('~0', '~')]
            node = target
        return node

    def faults(self, value, schema, at='$'):
        """A list of sentences; empty when the value is right."""
        schema = self.resolve(schema)
        if 'oneOf' in schema:
            tried = [self.faults(value, s, at) for s in schema['oneOf']]
            return ([] if tried.count([]) == 1
                    else [f'{at}: not one of: {tried!r:.300}'])
        unknown = set(schema) - NOTES - set(SIMPLE) - {
            'type', 'items', 'properties', 'required', 'additionalProperties'}
        if unknown:
            raise ValueError(f'{at}: the test does not know {unknown}')
        kinds = schema.get('type', list(TYPES))
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not any(TYPES[k](value) for k in kinds):
            return [f'{at}: {value!r:.80} is no {"/".join(kinds)}']
        found = [f'{at}: {value!r:.80} breaks {word} {schema[word]!r:.80}'
                 for word, holds in SIMPLE.items()
                 if word in schema and not holds(value, schema[word])]
        if isinstance(value, list) and 'items' in schema:
            for i, item in enumerate(value):
                found += self.faults(item, schema['items'], f'{at}[{i}]')
        if isinstance(value, dict):
            found += self.object_faults(value, schema, at)
        return found

    def object_faults(self, value, schema, at):
        """What is wrong with the members of an object."""
        known = schema.get('properties', {})
        extra = schema.get('additionalProperties', not known)
        found = [f'{at}: {name} is missing'
                 for name in schema.get('required', []) if name not in value]
        for name, member in value.items():
            rule = known.get(name, extra)
            if rule is False:
                found.append(f'{at}: {name} is not described')
            elif isinstance(rule, dict):
                found += self.faults(member, rule, f'{at}.{name}')
        return found
