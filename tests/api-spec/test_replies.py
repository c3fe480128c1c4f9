# SPDX-License-Identifier: MIT
"""What a running deiad answers is what docs/openapi.yaml says it answers."""
import json
import pathlib
import re
import sys
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'server/web'))
import yaml_subset  # noqa: E402
from hive import Hive, Stream  # noqa: E402
from schema import Schemas  # noqa: E402

DOC = yaml_subset.load((ROOT / 'docs/openapi.yaml').read_text('utf-8'))
RULES = Schemas(DOC)
CONFIG = 'templates:\n  parrot:\n    adapter: echo\n'
# A rule of which an alert fires.
FEW_BOTS = {'id': 'few', 'metric': 'hive.bots', 'compare': '<',
            'levels': {'info': {'at': 100}}}
# Routes that stream for ever, or that need what a test does not have.
STREAMS = {'/api/v1/events', '/api/v1/tasks/{id}/events'}
ELSEWHERE = {'/api/v1/models', '/.well-known/{name}', '/ws'}
# Parameters that a route must have.
QUERIES = {'/api/v1/messages': '?status=pending',
           '/api/v1/scheduler/recommendation': '?task_type=general'}


class Ask(urllib.request.Request):
    """One request; answer() gives status, headers and body."""

    def __init__(self, hive, method, path, body=None, token=None):
        head = {'Authorization': f'Bearer {token or hive.token}'}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            head['Content-Type'] = 'application/json'
        super().__init__(hive.url + path, data, head, method=method)

    def answer(self):
        try:
            reply = urllib.request.urlopen(self, timeout=30)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            return reply.status, reply.headers, reply.read().decode()


class Replies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            cls.hive = Hive(config=CONFIG)
        except (KeyError, FileNotFoundError) as error:
            raise unittest.SkipTest(f'deiad is not built: {error}')
        cls.addClassCleanup(cls.hive.__exit__)
        cls.hive.start()
        cls.hive.launch('BOT-001', type='parrot', capabilities=['chat'],
                        system_prompt='Be brief.', options={'seed': 1})
        cls.hive.wait_state('BOT-001', 'ready')
        cls.hive.say('BOT-001', 'Hello!')
        cls.hive.launch('BOT-002')
        cls.hive.wait_state('BOT-002', 'ready')
        cls.message = cls.hive.must('POST', '/messages', {
            'to': 'BOT-001', 'from': 'BOT-002', 'content': 'Hi!'})
        cls.dialogue = cls.hive.must('POST', '/dialogues', {
            'a': 'BOT-001', 'b': 'BOT-002', 'content': 'Birds', 'turns': 2})
        cls.task = cls.hive.must('POST', '/tasks', {
            'content': 'Sing', 'bot': 'BOT-001'})
        cls.hive.must('PUT', '/api/v1/health/rules', {'rules': [FEW_BOTS]})
        cls.alert = cls.hive.wait(lambda: next(iter(cls.hive.must(
            'GET', '/alerts')['items']), None))

    def check(self, method, template, status, headers, text):
        """The reply is one that the document describes."""
        op = DOC['paths'][template][method.lower()]
        self.assertIn(str(status), op['responses'], text)
        described = RULES.resolve(op['responses'][str(status)])
        if 'content' not in described:
            self.assertEqual(text, '')
            return None
        kind = headers.get('Content-Type', '').partition(';')[0]
        self.assertTrue({kind, '*/*'} & set(described['content']), kind)
        if not kind.endswith('json'):
            return text
        value = json.loads(text)
        if kind in described['content']:
            self.assertEqual(RULES.faults(
                value, described['content'][kind]['schema']), [])
        return value

    def ask(self, method, template, body=None, query='', token=None, **ids):
        path = re.sub(r'\{(\w+)\}', lambda m: ids[m[1]], template) + query
        status, headers, text = Ask(self.hive, method, path, body,
                                    token).answer()
        return status, self.check(method, template, status, headers, text)

    def good(self, *args, **kwargs):
        status, value = self.ask(*args, **kwargs)
        self.assertLess(status, 300, value)
        return value

    def test_every_get_route_answers_as_described(self):
        asset = re.search(r'/assets/([^"]+)', self.good('GET', '/'))
        ids = {'id': 'BOT-001', 'a': 'BOT-001', 'b': 'BOT-002',
               'file': asset[1] if asset else 'none', 'type': 'general'}
        for path, item in DOC['paths'].items():
            if 'get' not in item or path in STREAMS | ELSEWHERE:
                continue
            with self.subTest(path):
                ids['id'] = (self.message['id'] if '/messages/{' in path else
                             self.dialogue['id'] if '/dialogues/' in path
                             else self.task['id'] if '/tasks/' in path
                             else self.alert['id'] if '/alerts/' in path
                             else 'BOT-001')
                status, _ = self.ask('GET', path,
                                     query=QUERIES.get(path, ''), **ids)
                self.assertIn(status, (200,) if asset or 'file' not in path
                              else (404,))

    def test_the_document_itself_is_served(self):
        self.assertEqual(self.good('GET', '/openapi.json'), DOC)

    def test_other_forms_of_the_same_routes(self):
        for path, query in (
                ('/api/v1/bots', '?limit=1'),
                ('/api/v1/bots/{id}/chat', '?limit=1'),
                ('/api/v1/bots/{id}/chat/export', '?format=txt'),
                ('/api/v1/audit', '?limit=1'),
                ('/api/v1/tokens', '?limit=1'),
                ('/api/v1/bots/{id}/logs', '?tail=1')):
            with self.subTest(path + query):
                self.good('GET', path, query=query, id='BOT-001')

    def test_models_or_why_there_are_none(self):
        status, _ = self.ask('GET', '/api/v1/models',
                             query='?base_url=http://127.0.0.1:1')
        self.assertEqual(status, 502)

    def test_a_bot_from_its_launch_to_its_removal(self):
        bot = self.good('POST', '/api/v1/bots',
                        {'id': 'life', 'template': 'parrot'})
        self.assertEqual(bot['template'], 'parrot')
        self.hive.wait_state('life', 'ready')
        one = '/api/v1/bots/{id}'
        self.assertEqual(self.good('PATCH', one, {'type': 'bird'},
                                   id='life')['type'], 'bird')
        for action, state in (('pause', 'paused'), ('resume', 'ready'),
                              ('interrupt', 'ready'), ('restart', 'ready'),
                              ('stop', 'stopped'), ('start', 'ready')):
            self.good('POST', f'{one}/{action}', id='life')
            self.hive.wait_state('life', state)
        self.assertEqual(self.ask('DELETE', one, id='life')[0], 409)
        self.good('DELETE', one, query='?force=true&purge=true', id='life')
        self.assertEqual(self.ask('GET', one, id='life')[0], 404)

    def test_scaling_by_hand_and_by_settings(self):
        base = '/api/v1/scaling'
        self.good('PUT', base, {'templates': {'parrot': {'max_bots': 2}}})
        made = self.good('POST', base + '/up', {'template': 'parrot'})['bots']
        self.good('POST', base + '/down', {'template': 'parrot', 'count': 1})
        self.assertEqual(len(made), 1)
        page = self.good('GET', base + '/history', query='?limit=1')
        self.assertEqual(len(page['items']), 1)
        self.good('GET', base + '/history',
                  query='?cursor=' + page['next_cursor'])
        self.assertEqual(self.ask('POST', base + '/up', {
            'template': 'parrot', 'count': 9})[0], 409)
        self.assertEqual(self.ask('POST', base + '/up', {
            'template': 'none'})[0], 404)
        self.assertEqual(self.ask('PUT', base, {
            'limits': {'max_bots': 0}})[0], 422)
        self.good('PUT', base, {'templates': {'parrot': None},
                                'limits': None})

    def test_a_bot_that_is_declared(self):
        one = '/api/v1/bots/{id}'
        body = {'adapter': 'echo', 'type': 'bird', 'env': {'A': 'x'}}
        plan = self.good('PUT', one, body, query='?dry_run=true', id='decl')
        self.assertEqual((plan['exists'], plan['changes']), (False, []))
        self.assertEqual(self.ask('GET', one, id='decl')[0], 404)
        self.good('PUT', one, body, query='?start=false', id='decl')
        self.good('PUT', one, body, id='decl')
        body = {'adapter': 'echo', 'env': {'A': 'y'},
                'restart': {'policy': 'never'}}
        plan = self.good('PUT', one, body, query='?dry_run=true', id='decl')
        self.assertEqual(plan['changes'], ['env', 'type', 'restart.policy'])
        body['env']['A'] = '***'
        plan = self.good('PUT', one, body, query='?dry_run=true', id='decl')
        self.assertEqual(plan['changes'], ['type', 'restart.policy'])
        self.assertEqual(self.good('PUT', one, body, id='decl')['type'], None)
        body['env']['B'] = '***'
        self.assertEqual(self.ask('PUT', one, body, id='decl')[0], 422)
        self.good('DELETE', one, id='decl')

    def test_one_action_on_many_bots(self):
        route = '/api/v1/bots/actions'
        for name in ('many-1', 'many-2'):
            self.hive.launch(name, type='many')
            self.hive.wait_state(name, 'ready')
        done = self.good('POST', route, {'action': 'stop', 'type': 'many'})
        self.assertEqual([i['ok'] for i in done['items']], [True, True])
        self.hive.wait_state('many-1', 'stopped')
        self.hive.wait_state('many-2', 'stopped')
        shown = self.good('GET', '/api/v1/bots',
                          query='?type=many&state=stopped')
        self.assertEqual([b['id'] for b in shown['items']],
                         ['many-1', 'many-2'])
        done = self.good('POST', route, {
            'action': 'stop', 'ids': ['many-1', 'nobody']})
        self.assertEqual([i['error']['code'] for i in done['items']],
                         ['illegal_state', 'not_found'])
        self.assertEqual(self.good('POST', route, {
            'action': 'start', 'type': 'none'})['items'], [])
        for wrong in ({'action': 'stop'}, {'action': 'fly', 'all': True},
                      {'action': 'stop', 'all': False},
                      {'action': 'stop', 'all': True, 'ids': []},
                      {'action': 'stop', 'state': 'asleep'},
                      {'action': 'stop', 'ids': ['x'] * 1001},
                      {'action': 'stop', 'ids': [1]}, {'all': True}):
            with self.subTest(wrong):
                self.assertEqual(self.ask('POST', route, wrong)[0], 422)
        self.assertEqual(self.ask('GET', '/api/v1/bots',
                                  query='?state=asleep')[0], 422)

    def test_history_and_last_exit(self):
        self.hive.launch('short', 'process', restart={'policy': 'never'},
                         argv=['sh', '-c', 'echo why >&2; exit 7'])
        self.hive.wait_state('short', 'failed')
        self.hive.launch('short-2')  # what was written before is durable
        shown = self.good('GET', '/api/v1/bots/{id}', id='short')
        self.assertEqual((shown['last_exit']['code'],
                          shown['last_exit']['stderr']), (7, ['why']))
        moves = self.good('GET', '/api/v1/bots/{id}/history', id='short',
                          query='?limit=1')
        self.assertEqual(moves['items'][0]['state'], 'failed')
        older = self.good('GET', '/api/v1/bots/{id}/history', id='short',
                          query=f'?before={moves["next_cursor"]}')
        self.assertEqual(older['items'][-1]['from'], 'stopped')
        self.assertEqual(self.ask('GET', '/api/v1/bots/{id}/history',
                                  id='never')[0], 404)

    def test_status_of_a_bot(self):
        self.hive.launch('measured')
        self.hive.wait_state('measured', 'ready')
        self.good('POST', '/api/v1/bots/{id}/chat', {'content': 'Hi'},
                  id='measured')
        got = self.good('GET', '/api/v1/bots/{id}/status', id='measured',
                        query='?hours=1')
        self.assertEqual(got['items'], [])
        self.assertGreater(got['now']['memory_bytes'], 100000)
        self.assertTrue(got['now']['last_message_at'])
        self.assertEqual(self.ask('GET', '/api/v1/bots/{id}/status',
                                  id='never')[0], 404)
        for wrong in ('hours=0', 'hours=x', 'hours=8761', 'days=1'):
            with self.subTest(wrong):
                self.assertIn(self.ask('GET', '/api/v1/bots/{id}/status',
                                       id='measured', query='?' + wrong)[0],
                              (400, 422))

    def test_an_external_bot(self):
        made = self.good('POST', '/api/v1/bots',
                         {'id': 'far', 'adapter': 'external'})
        token = made['token']
        self.hive.wait_state('far', 'ready')
        self.good('POST', '/api/v1/bots/{id}/heartbeat', {'status_text': 'x'},
                  id='far', token=token)
        with self.hive.stream('POST', '/bots/far/chat', {'content': 'Hi'}):
            got = self.good('POST', '/api/v1/tasks/claim',
                            {'wait_seconds': 20}, token=token)
            ids = {'id': got['task']['id'], 'token': token}
            lease = {'lease_token': got['lease_token']}
            self.good('POST', '/api/v1/tasks/{id}/extend', lease, **ids)
            self.good('POST', '/api/v1/tasks/{id}/complete',
                      {**lease, 'text': 'Ho', 'details': {'a': 1}}, **ids)
            self.assertEqual(self.ask('POST', '/api/v1/tasks/{id}/fail', {
                **lease, 'message': 'late'}, **ids)[0], 409)
        self.assertEqual(self.ask('POST', '/api/v1/tasks/claim', {},
                                  token=token)[0], 204)

    def task_moves(self, ident):
        """The task as it ended; all that was told is as described."""
        schemas = DOC['components']['schemas']
        with self.hive.stream('GET', f'/tasks/{ident}/events') as events:
            for name, data, _ in events:
                self.assertEqual(RULES.faults(data, schemas[
                    'Event' if '.' in name else 'Task']), [], name)
        self.assertEqual(name, 'done')
        return data

    def test_tasks_in_every_form(self):
        route, one = '/api/v1/tasks', '/api/v1/tasks/{id}'
        later = {'not_before': '2099-01-01T00:00:00.000Z'}
        made = self.good('POST', route, {'content': 'Hi', 'bot': 'BOT-001',
                                         'expect': {'regex': 'H'}})
        done = self.task_moves(made['id'])
        self.assertEqual(done['status'], 'succeeded')
        judged = self.good('POST', one + '/verdict', {
            'success': False, 'note': 'dull'}, id=made['id'])
        self.assertEqual(judged['verdict']['note'], 'dull')
        items = self.good('POST', route, {'tasks': [
            {'content': 'x', 'ref': 'a', 'approval': True, **later},
            {'content': 'y', 'depends_on': ['a'], 'every_seconds': 60}]})
        ids = [t['id'] for t in items['items']]
        self.good('POST', one + '/approve', id=ids[0])
        self.good('GET', route, query='?status=blocked&limit=1')
        acted = self.good('POST', route + '/bulk', {
            'action': 'cancel', 'ids': [ids[0], made['id']]})
        self.assertEqual([i['ok'] for i in acted['items']], [True, False])
        self.good('POST', one + '/retry', id=ids[0])
        # It may have ended before it can be cancelled.
        self.assertIn(self.ask('DELETE', one, id=ids[0])[0], (200, 409))
        self.good('POST', route + '/bulk', {'action': 'cancel', 'all': True})
        for method, path, body, wanted in (
                ('DELETE', one, None, 409),
                ('POST', one + '/approve', None, 409),
                ('POST', route, {'content': 'x', 'bot': 'nobody'}, 404),
                ('POST', route, {'content': ''}, 422),
                ('POST', route + '/bulk', {'action': 'cancel'}, 422),
                ('POST', route + '/analyze', {}, 422)):
            self.assertEqual(self.ask(method, path, body,
                                      id=made['id'])[0], wanted)

    def test_types_of_tasks(self):
        one = '/api/v1/queues/{type}'
        self.good('PUT', one, {'wip_limit': 3}, type='planning')
        self.good('POST', one + '/pause', type='planning')
        q = self.good('POST', one + '/resume', type='planning')
        self.assertEqual((q['paused'], q['wip_limit']), (False, 3))
        self.assertEqual(self.ask('PUT', one, {}, type='none')[0], 404)
        self.good('POST', '/api/v1/tasks/analyze', {'content': 'Write a poem'})

    def test_an_external_bot_does_a_task(self):
        token = self.good('POST', '/api/v1/bots', {
            'id': 'farther', 'adapter': 'external'})['token']
        made = self.good('POST', '/api/v1/tasks', {'content': 'Go',
                                                   'bot': 'farther'})
        got = self.good('POST', '/api/v1/tasks/claim', {'wait_seconds': 20},
                        token=token)
        ids = {'id': got['task']['id'], 'token': token}
        lease = {'lease_token': got['lease_token']}
        self.good('POST', '/api/v1/tasks/{id}/extend', lease, **ids)
        self.good('POST', '/api/v1/tasks/{id}/complete',
                  {**lease, 'text': 'Gone'}, **ids)
        self.assertEqual(self.task_moves(made['id'])['result']['text'],
                         'Gone')

    def test_mail_in_every_form(self):
        token = self.good('POST', '/api/v1/bots', {
            'id': 'post', 'adapter': 'external', 'type': 'box'})['token']
        route, inbox = '/api/v1/messages', '/api/v1/bots/{id}/inbox'
        bodies = {
            'one': {'to': 'post', 'content': 'x', 'metadata': {'a': [1]}},
            'several': {'to': ['post', 'system'], 'content': 'x'},
            'type': {'to_type': 'box', 'content': 'x', 'notify': True},
            'batch': {'messages': [{'to': 'post', 'content': 'x'}] * 2}}
        for name, body in bodies.items():
            with self.subTest(name):
                sent = self.good('POST', route, body)
                self.assertEqual('items' in sent, name != 'one')
        for body, wanted in (
                ({'to': 'nobody', 'content': 'x'}, 404),
                ({'to': 'post', 'content': 'x', 'wings': 1}, 422),
                ({'messages': [{'to': 'post', 'content': 'x'},
                               {'to': 'nobody', 'content': 'x'}]}, 404)):
            self.assertEqual(self.ask('POST', route, body)[0], wanted)
        ids = {'id': 'post', 'token': token}
        got = self.good('POST', inbox + '/receive', {'max': 4}, **ids)
        one, two, three, four = got['items']
        got = self.good('POST', inbox + '/receive', {'read': [
            one['id'], {'id': one['id'], 'lease_token': 'old'}]}, **ids)
        self.assertEqual(len(got['errors']), 1)
        self.good('POST', inbox + '/receive', **ids)
        claim = {'bot': 'post', 'lease_token': two['lease_token']}
        for verb, item, more in (
                ('read', two, claim), ('release', three, {'reason': 'why'}),
                ('extend', four, {'lease_seconds': 60})):
            self.good('POST', f'{route}/{{id}}/{verb}', more, id=item['id'],
                      token=token)
        for status in ('pending', 'delivered', 'read', 'failed', 'expired'):
            self.good('GET', route, query=f'?status={status}&limit=2')
            self.good('GET', inbox, query=f'?status={status}', **ids)
        self.good('GET', '/api/v1/conversations/{a}/{b}', a='post',
                  b='system', query='?limit=1')
        self.assertEqual(self.ask('POST', f'{route}/{{id}}/requeue', {},
                                  id=one['id'])[0], 409)
        dead = self.good('POST', route, {'to': 'BOT-002', 'content': 'x',
                                         'max_attempts': 1})
        while dead['status'] != 'failed':
            self.good('POST', inbox + '/receive', {'max': 100}, id='BOT-002')
            dead = self.good('POST', f'{route}/{{id}}/release',
                             id=dead['id'])
        self.good('POST', f'{route}/{{id}}/requeue', {}, id=dead['id'])
        self.assertEqual(self.ask('POST', f'{route}/{{id}}/read',
                                  id=self.message['id'])[0], 409)

    def test_a_dialogue(self):
        route = '/api/v1/dialogues'
        made = self.good('POST', route, {
            'a': 'BOT-001', 'b': 'BOT-002', 'content': 'Bees', 'turns': 4,
            'max_tokens': 1000, 'max_seconds': 60})
        self.good('GET', route, query='?limit=1')
        status, _ = self.ask('POST', route + '/{id}/stop', id=made['id'])
        self.assertIn(status, (200, 409))
        ended = self.good('GET', route + '/{id}', id=made['id'])
        self.assertIn(ended['status'], ('stopped', 'done'))
        self.good('GET', route + '/{id}/messages', id=made['id'],
                  query='?limit=1')
        self.assertEqual(self.ask('POST', route + '/{id}/stop',
                                  id=made['id'])[0], 409)
        for body, wanted in (
                ({'a': 'BOT-001', 'b': 'nobody', 'content': 'x'}, 404),
                ({'a': 'BOT-001', 'b': 'BOT-002'}, 422),
                ({'a': 'BOT-001', 'b': 'BOT-002', 'content': 'x',
                  'turns': 1001}, 422)):
            self.assertEqual(self.ask('POST', route, body)[0], wanted)

    def test_the_scheduler(self):
        base = '/api/v1/scheduler'
        body = {'bot': 'BOT-001', 'task_type': 'writing', 'seconds': 1.5,
                'success': True}
        self.assertEqual(self.good('POST', base + '/executions', body), body)
        self.good('POST', base + '/executions',
                  {**body, 'task_type': 'weaving', 'success': False,
                   'new_type': True})
        got = self.good('GET', base + '/recommendation',
                        query='?task_type=writing&bots=BOT-002,BOT-001')
        self.assertEqual(RULES.faults(
            got['recommended'],
            DOC['components']['schemas']['Candidate']), [])
        self.assertEqual(len(got['alternatives']), 1)
        self.good('DELETE', base + '/bots/{id}', id='BOT-001',
                  query='?task_type=writing')
        self.good('DELETE', base + '/bots')
        got = self.good('GET', base + '/history', query='?limit=2')
        self.assertEqual([e['kind'] for e in got['items']], ['reset'] * 2)
        got = self.good('GET', base + '/history',
                        query=f'?limit=2&cursor={got["next_cursor"]}')
        self.assertEqual([e['kind'] for e in got['items']],
                         ['recorded'] * 2)
        for more, wanted in (({'bot': 'nobody'}, 404),
                             ({'task_type': 'cooking'}, 404),
                             ({'seconds': -1}, 422), ({'seconds': '1'}, 422)):
            self.assertEqual(self.ask('POST', base + '/executions',
                                      {**body, **more})[0], wanted)

    def test_health_and_alerts(self):
        base, rules = '/api/v1/alerts', '/api/v1/health/rules'
        newest = self.good('GET', base, query='?state=firing'
                           '&level=info&limit=1')['items']
        self.assertEqual([a['id'] for a in newest], [self.alert['id']])
        ids = {'id': self.alert['id']}
        one = base + '/{id}'
        self.good('POST', one + '/acknowledge', {'reason': 'seen'}, **ids)
        got = self.good('POST', one + '/silence', {'minutes': 1}, **ids)
        self.good('POST', one + '/silence',
                  {'until': got['silenced']['until'], 'reason': 'x'}, **ids)
        self.good('POST', one + '/silence', {'minutes': 0}, **ids)
        self.assertEqual(self.ask('POST', one + '/silence', {}, **ids)[0],
                         422)
        self.good('POST', one + '/resolve', **ids)
        self.assertEqual(self.ask('POST', one + '/resolve', **ids)[0], 409)
        self.assertEqual(self.ask('GET', one, id='nobody')[0], 404)
        self.good('GET', base, query='?state=resolved')
        self.assertEqual(self.ask('GET', base, query='?state=x')[0], 422)
        self.good('GET', '/api/v1/health/timeline', query='?hours=720')
        self.good('GET', '/api/v1/health')
        got = self.good('GET', '/api/v1/health/checks', query='?fresh=true')
        self.assertEqual(len(got['items']), 7)
        self.good('GET', '/api/v1/health/checks', query='?checks=db,disk')
        self.assertEqual(self.ask('GET', '/api/v1/health/checks',
                                  query='?checks=x')[0], 422)
        for check in [c['check'] for c in got['items']]:
            self.good('GET', '/health/' + check)
        self.good('GET', '/api/v1/report')
        self.good('GET', '/api/v1/insight', query='?limit=1')
        self.good('GET', '/api/v1/report', query='?since=30d&top=1')
        got = self.good('PUT', rules, {'rules': None})
        self.assertGreater(len(got['rules']), 10)
        self.assertEqual(self.ask('PUT', rules, {'rules': [{}]})[0], 422)
        self.good('PUT', rules, got)

    def test_alerts_are_told_as_events(self):
        with Stream(self.hive, 'GET', '/api/v1/events?after=0') as events:
            for name, data, _ in events:
                if name == 'alert.generated':
                    break
        self.assertEqual(RULES.faults(
            data, DOC['components']['schemas']['Event']), [])
        self.assertEqual(RULES.faults(
            data['data'], DOC['components']['schemas']['Alert']), [])

    def test_mail_is_told_as_events(self):
        with Stream(self.hive, 'GET', '/api/v1/events?after=0') as events:
            for name, data, _ in events:
                if name == 'message.queued':
                    break
        self.assertEqual(RULES.faults(
            data, DOC['components']['schemas']['Event']), [])
        self.assertEqual(data['data']['items'][0]['from'], 'BOT-002')

    def test_chat_in_every_form(self):
        self.hive.launch('talk')
        self.hive.wait_state('talk', 'ready')
        base = '/api/v1/bots/{id}'
        answer = self.good('POST', f'{base}/chat', {'content': 'Hi'},
                           id='talk')
        self.assertEqual(answer['content'], 'Hi')
        made = self.good('POST', f'{base}/conversations', {'title': 'T'},
                         id='talk')
        query = f'?conversation={made["id"]}'
        said = {'content': 'there', 'conversation': made['id']}
        self.good('POST', f'{base}/chat', said, id='talk')
        kept = self.good('GET', f'{base}/chat/export',
                         query=query + '&format=json', id='talk')
        self.assertEqual(len(kept['items']), 2)
        again = self.good('POST', f'{base}/chat/import',
                          {'title': 'Copy', **kept}, id='talk')
        copied = self.good('GET', f'{base}/chat', id='talk',
                           query=f'?conversation={again["id"]}')
        self.assertEqual([i['content'] for i in copied['items']],
                         ['there', 'there'])
        self.good('DELETE', f'{base}/chat', query=query, id='talk')

    def test_a_streamed_answer(self):
        with self.hive.stream('POST', '/bots/BOT-001/chat',
                              {'content': 'piece by piece'}) as events:
            got = [(name, data) for name, data, _ in events]
        self.assertEqual(got[0][0], 'accepted')
        self.assertEqual(got[-1][0], 'done')
        schemas = DOC['components']['schemas']
        self.assertEqual(RULES.faults(got[0][1], schemas['ChatLine']), [])
        self.assertEqual(RULES.faults(got[-1][1], schemas['ChatAnswer']), [])
        for name, data in got[1:-1]:
            self.assertEqual(name, 'chunk')
            self.assertEqual(RULES.faults(data, schemas['Chunk']), [])

    def test_events(self):
        with Stream(self.hive, 'GET', '/api/v1/events?after=0') as events:
            name, data, ident = next(iter(events))
            self.assertEqual((name, ident), ('open', '0'))
            self.assertGreater(data['last_seq'], 0)
            for (name, data, ident), _ in zip(events, range(3)):
                self.assertEqual(RULES.faults(
                    data, DOC['components']['schemas']['Event']), [])
                self.assertEqual(name, data['type'])
                self.assertEqual(ident, str(data['seq']))

    def test_signing_in_and_out(self):
        code = self.good('POST', '/api/v1/auth/codes', {'role': 'viewer'})
        login = self.good('POST', '/api/v1/auth/login',
                          {'code': code['code']})
        self.assertEqual(login['role'], 'viewer')
        token = login['token']
        self.assertEqual(self.good('GET', '/api/v1/auth/whoami',
                                   token=token)['role'], 'viewer')
        status, _ = self.ask('GET', '/api/v1/config', token=token)
        self.assertEqual(status, 403)
        self.good('POST', '/api/v1/auth/logout', token=token)
        status, _ = self.ask('GET', '/api/v1/auth/whoami', token=token)
        self.assertEqual(status, 401)

    def test_tokens(self):
        made = self.good('POST', '/api/v1/tokens',
                         {'name': 'ci', 'role': 'operator',
                          'ttl_seconds': 60})
        self.good('DELETE', '/api/v1/tokens/{id}', id=made['id'])
        self.assertEqual(self.ask('DELETE', '/api/v1/tokens/{id}',
                                  id='none0000')[0], 404)

    def test_refusals_are_problems_as_described(self):
        for method, path, body, query, wanted in (
                ('GET', '/api/v1/bots/{id}', None, '', 404),
                ('GET', '/api/v1/bots', None, '?limit=0', 422),
                ('GET', '/.well-known/{name}', None, '', 404),
                ('POST', '/api/v1/bots', {'id': 'BOT-001',
                                          'adapter': 'echo'}, '', 409),
                ('POST', '/api/v1/bots', {'id': 'x', 'wings': 2}, '', 422),
                ('POST', '/api/v1/bots', {'id': '/'}, '', 422),
                ('POST', '/api/v1/auth/login', {'code': 'wrong'}, '', 401)):
            with self.subTest(f'{method} {path} {query}'):
                status, problem = self.ask(method, path, body, query,
                                           id='nobody', name='none')
                self.assertEqual(status, wanted)
                self.assertEqual(problem['status'], wanted)

    def test_examples_of_bodies_follow_their_schemas(self):
        for path, item in DOC['paths'].items():
            for method in ('post', 'put', 'patch'):
                body = RULES.resolve(
                    item.get(method, {}).get('requestBody', {}))
                for media in body.get('content', {}).values():
                    for name, example in media.get('examples', {}).items():
                        with self.subTest(f'{method} {path} {name}'):
                            self.assertEqual(RULES.faults(
                                example['value'], media['schema']), [])


class Checker(unittest.TestCase):
    """The test's own checker finds what it should."""

    def test_finds_faults(self):
        rules = Schemas({})
        schema = {'type': 'object', 'required': ['a'], 'properties': {
            'a': {'type': 'integer', 'minimum': 1},
            'b': {'type': ['string', 'null'], 'pattern': '^x'},
            'c': {'type': 'array', 'items': {'enum': [1, 2]}}}}
        self.assertEqual(rules.faults({'a': 1, 'b': None, 'c': [2]}, schema),
                         [])
        for bad in ({}, {'a': 0}, {'a': True}, {'a': 1.5}, {'a': 1, 'b': 'y'},
                    {'a': 1, 'c': [3]}, {'a': 1, 'd': 1}, [], None):
            self.assertNotEqual(rules.faults(bad, schema), [], bad)

    def test_refuses_a_keyword_it_does_not_know(self):
        with self.assertRaises(ValueError):
            Schemas({}).faults(1, {'anyOf': []})


if __name__ == '__main__':
    unittest.main()
