# SPDX-License-Identifier: MIT
"""Reads the part of YAML that docs/openapi.yaml is written in.

So that the build needs no package beside Python. Understood: block mappings
and sequences (two spaces a level), flow collections on one line, plain and
quoted scalars, `|` and `>` blocks (also with `-`), comments. Whatever else
YAML knows (anchors, tags, several documents, tabs, multi-line plain scalars)
and whatever YAML 1.1 and 1.2 read differently (yes, 0x10, 12:30) is refused,
so that every YAML reader gives the same value. tests/api-spec compares it
with PyYAML.
"""
import json
import re


class Error(ValueError):
    """What is wrong, with its line."""


_INT = re.compile(r'-?(0|[1-9][0-9]*)\Z')
_FLOAT = re.compile(r'-?(0|[1-9][0-9]*)\.[0-9]+\Z')
_AMBIGUOUS = re.compile(
    r'(?i)(y|n|yes|no|on|off|~|[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9]*)?'
    r'|[-+]?0[0-9xob_].*|[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)(e[-+]?[0-9]+)?|[-+]?\.(inf|nan)'
    r'|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|true|false|null|=|<<)\Z')
_KEY = re.compile(r'''("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s'"\[\]{},#&*!|>%@`'''
                  r'''?:-](?:[^:#]|:(?=\S)|(?<=\S)#)*?):(?=\s|\Z)''')
_BLOCK = re.compile(r'([|>])(-?)\Z')


def _plain(text, at):
    """The value of a scalar without quotation marks."""
    if text in ('true', 'false', 'null'):
        return {'true': True, 'false': False, 'null': None}[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if not text or _AMBIGUOUS.match(text):
        raise Error(f'line {at}: put quotation marks around {text!r}')
    if text[0] in '&*!|>%@`"\'[]{},#?' or text[0] == '-' and text[1:2] in ' ':
        raise Error(f'line {at}: {text[0]!r} cannot begin a plain value')
    if ': ' in text or ' #' in text or text.endswith(':'):
        raise Error(f'line {at}: quote a value that contains ": " or " #"')
    return text


def _quoted(text, at):
    """The value of a quoted scalar and what follows it."""
    m = re.match(r'"(?:[^"\\]|\\.)*"' if text[0] == '"'
                 else r"'(?:[^']|'')*'", text)
    if not m:
        raise Error(f'line {at}: the quotation is not closed')
    if text[0] == "'":
        return m[0][1:-1].replace("''", "'"), text[m.end():]
    try:
        return json.loads(m[0]), text[m.end():]
    except ValueError as e:
        raise Error(f'line {at}: {e}') from e


def _flow(text, at):
    """The value at the beginning of text, inside { } or [ ], and the rest."""
    text = text.lstrip()
    if text[:1] in ('"', "'") and text:
        return _quoted(text, at)
    if text[:1] == '[':
        return _flow_list(text[1:].lstrip(), at)
    if text[:1] == '{':
        return _flow_map(text[1:].lstrip(), at)
    m = re.match(r'[^,\[\]{}]*', text)
    return _plain(m[0].strip(), at), text[m.end():]


def _flow_next(text, close, at):
    """What follows an item: (at the end, rest)."""
    text = text.lstrip()
    if text[:1] == close:
        return True, text[1:]
    if text[:1] != ',':
        raise Error(f'line {at}: expected "," or "{close}" on this line')
    return False, text[1:].lstrip()


def _flow_list(text, at):
    items, end = [], text[:1] == ']'
    text = text[1:] if end else text
    while not end:
        item, text = _flow(text, at)
        items.append(item)
        end, text = _flow_next(text, ']', at)
    return items, text


def _flow_map(text, at):
    result, end = {}, text[:1] == '}'
    text = text[1:] if end else text
    while not end:
        m = _KEY.match(text)
        if not m:
            raise Error(f'line {at}: expected "key: value"')
        value, text = _flow(text[m.end():], at)
        _put(result, _key(m[1], at), value, at)
        end, text = _flow_next(text, '}', at)
    return result, text


def _key(text, at):
    key = _quoted(text, at)[0] if text[0] in '"\'' else _plain(text, at)
    if not isinstance(key, str):
        raise Error(f'line {at}: put quotation marks around the key {text}')
    return key


def _put(result, key, value, at):
    if key in result:
        raise Error(f'line {at}: the key {key!r} is there twice')
    result[key] = value


def _uncomment(text):
    """Text without the comment at its end."""
    quote, i = '', 0
    while i < len(text):
        c = text[i]
        if quote:
            if c == '\\' and quote == '"':
                i += 1
            elif c == quote:
                quote = ''
        elif c in '"\'' and (i == 0 or text[i - 1] in ' [{,'):
            quote = c
        elif c == '#' and (i == 0 or text[i - 1] == ' '):
            return text[:i].rstrip()
        i += 1
    return text.rstrip()


class _Reader:
    """Lines of the document and the place reached."""

    def __init__(self, text):
        if '\t' in text:
            n = text[:text.index('\t')].count('\n') + 1
            raise Error(f'line {n}: a tab; indent with spaces')
        self.lines = text.split('\n')
        self.i = 0

    def peek(self):
        """(indent, text) of the next line with something on it, or None."""
        while self.i < len(self.lines):
            raw = self.lines[self.i]
            text = _uncomment(raw.lstrip(' '))
            if text:
                if text in ('---', '...'):
                    raise Error(f'line {self.i + 1}: one document only')
                return len(raw) - len(raw.lstrip(' ')), text
            self.i += 1
        return None

    def node(self, indent):
        """The collection whose lines begin at indent."""
        line = self.peek()
        if line is None or line[0] != indent:
            raise Error(f'line {self.i + 1}: expected {indent} spaces')
        if line[1] == '-' or line[1].startswith('- '):
            return self.sequence(indent)
        return self.mapping(indent)

    def more(self, indent):
        """The next line's text when it belongs to the same collection."""
        line = self.peek()
        if line is None or line[0] < indent:
            return None
        if line[0] > indent:
            raise Error(f'line {self.i + 1}: {line[0]} spaces, not {indent}')
        return line[1]

    def sequence(self, indent):
        items = []
        while (text := self.more(indent)) is not None:
            if not text.startswith('- '):
                raise Error(f'line {self.i + 1}: expected "- item"')
            rest = text[2:]
            if _KEY.match(rest) or rest.startswith('- '):
                raw = self.lines[self.i]
                self.lines[self.i] = raw.replace('- ', '  ', 1)
                items.append(self.node(indent + 2))
            else:
                items.append(self.value(rest, indent))
        return items

    def mapping(self, indent):
        result = {}
        while (text := self.more(indent)) is not None:
            at, m = self.i + 1, _KEY.match(text)
            if not m:
                raise Error(f'line {at}: expected "key: value"')
            value = self.value(text[m.end():].lstrip(), indent)
            _put(result, _key(m[1], at), value, at)
        return result

    def value(self, text, indent):
        """What stands after "key:" or "- "; moves past it."""
        at = self.i + 1
        self.i += 1
        if not text:
            return self.node(indent + 2)
        if m := _BLOCK.match(text):
            return self.block(indent + 2, m[1] == '>', m[2] == '-')
        if text[0] in '[{"\'':
            value, rest = _flow(text, at)
            if rest.strip():
                raise Error(f'line {at}: {rest.strip()!r} is too much')
            return value
        return _plain(text, at)

    def block(self, indent, folded, strip):
        """A block of text; folded lines may not be indented further."""
        out = []
        while self.i < len(self.lines):
            raw = self.lines[self.i].rstrip()
            if raw and len(raw) - len(raw.lstrip(' ')) < indent:
                break
            if folded and raw[indent:indent + 1] == ' ':
                raise Error(f'line {self.i + 1}: indented in a folded text')
            out.append(raw[indent:])
            self.i += 1
        while out and not out[-1]:
            out.pop()
        if not out:
            raise Error(f'line {self.i + 1}: the block is empty')
        text = '\n'.join(out)
        if folded:
            text = re.sub(r'\n(\n*)', lambda m: m[1] or ' ', text)
        return text if strip else text + '\n'


def load(text):
    """The document's value. Raises Error."""
    reader = _Reader(text)
    value = reader.node(0)
    if reader.peek() is not None:
        raise Error(f'line {reader.i + 1}: does not belong to anything')
    return value
