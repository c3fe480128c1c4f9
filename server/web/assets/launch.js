// SPDX-License-Identifier: MIT
// The dialog that launches a bot.

import { api } from './api.js';
import { h, modal, say } from './dom.js';

/** BOT-001 or the first number that is free after it. */
export function suggestId(taken) {
  for (let n = 1; ; n++) {
    const id = `BOT-${String(n).padStart(3, '0')}`;
    if (!taken.has(id)) return id;
  }
}

const ADAPTERS = [
  ['echo', 'echo: repeats what you say'],
  ['ollama', 'ollama: a local model'],
];

function field(label, control, hint) {
  return h('label', {}, label, control, hint ? h('small', {}, hint) : null);
}

/** Fills the list of models, or says why there is none. */
async function loadModels(list, note) {
  note.textContent = 'Asking Ollama for its models …';
  try {
    const { items } = await api.models('ollama');
    list.replaceChildren(...items.map((m) => h('option', { value: m.name })));
    note.textContent = items.length
      ? `${items.length} model${items.length === 1 ? '' : 's'} to choose from.`
      : 'Ollama has no model yet. "ollama pull llama3.2" gets one.';
    return items.map((m) => m.name);
  } catch (error) {
    say(note, error.message);
    return [];
  }
}

async function loadTemplates(select, row) {
  try {
    const { items } = await api.templates();
    select.append(...items.map((t) => h('option', { value: t.name }, t.name)));
    row.hidden = items.length === 0;
  } catch {
    row.hidden = true;
  }
}

/** The specification that the form describes. */
function specOf(f) {
  const spec = { id: f.id.value.trim() };
  if (f.template.value) spec.template = f.template.value;
  else spec.adapter = f.adapter.value;
  if (spec.adapter === 'ollama') spec.model = f.model.value.trim();
  if (f.prompt.value.trim() && spec.adapter !== 'echo') {
    spec.system_prompt = f.prompt.value;
  }
  return spec;
}

function controls(taken, models) {
  return {
    id: h('input', {
      required: true, maxlength: 64, value: suggestId(taken), spellcheck: 'false',
      autocomplete: 'off', pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}',
      title: 'Letters, digits, dot, dash and underscore; begins with a letter or digit',
    }),
    template: h('select', {}, h('option', { value: '' }, 'none')),
    adapter: h('select', {}, ADAPTERS.map(([v, t]) => h('option', { value: v }, t))),
    model: h('input', {
      list: models.id, spellcheck: 'false', autocomplete: 'off', placeholder: 'llama3.2',
    }),
    prompt: h('textarea', { rows: 3, maxlength: 65536 }),
  };
}

/** Opens the dialog. onLaunched(bot) follows a success. */
export function launchDialog(taken, onLaunched) {
  const models = h('datalist', { id: 'models' });
  const note = h('small', { role: 'status' });
  const f = controls(taken, models);
  const rows = {
    template: field('Template', f.template),
    adapter: field('Adapter', f.adapter),
    model: h('label', {}, 'Model', f.model, note),
    prompt: field('System prompt', f.prompt, 'Optional: who the bot is and how it should answer.'),
  };
  rows.template.hidden = true;
  let asked = false;
  const show = () => {
    const own = !f.template.value;
    rows.adapter.hidden = !own;
    rows.model.hidden = !own || f.adapter.value !== 'ollama';
    rows.prompt.hidden = own && f.adapter.value === 'echo';
    f.model.required = !rows.model.hidden;
    if (rows.model.hidden || asked) return;
    asked = true;
    loadModels(models, note).then((names) => { f.model.value ||= names[0] ?? ''; });
  };
  f.template.addEventListener('change', show);
  f.adapter.addEventListener('change', show);

  const problem = h('p', { class: 'problem', role: 'alert' });
  const go = h('button', { type: 'submit', class: 'primary' }, 'Launch');
  const submit = async (e) => {
    e.preventDefault();
    if (go.getAttribute('aria-busy')) return;
    go.setAttribute('aria-busy', 'true');
    problem.textContent = '';
    try {
      const bot = await api.launch(specOf(f));
      dialog.close('done');
      onLaunched(bot);
    } catch (error) {
      say(problem, error.message);
    } finally {
      go.removeAttribute('aria-busy');
    }
  };
  const dialog = modal('Launch a bot', 'launch', h('form', { submit },
    field('Name', f.id), rows.template, rows.adapter, rows.model, models, rows.prompt,
    problem,
    h('div', { class: 'row end' },
      h('button', { type: 'button', click: () => dialog.close('cancel') }, 'Cancel'),
      go)));
  show();
  loadTemplates(f.template, rows.template);
  f.id.select();
}
