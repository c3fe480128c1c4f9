// SPDX-License-Identifier: MIT
// The small real language models of tests/llm, behind their Ollama front.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const FOLDER = join(import.meta.dirname, '../llm');
const MODULES = join(process.env.DEIA_LLM_DIR ?? FOLDER, 'node_modules/node-llama-cpp');

export const noModels = existsSync(MODULES) ? false
  : 'the node packages of tests/llm are not installed (tests/llm/install.sh)';

export class Models {
  /** pace: milliseconds between tokens. */
  static async start(pace) {
    const models = new Models();
    models.process = spawn(join(FOLDER, 'serve.sh'), [`--pace=${pace}`, '0'],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    models.exit = once(models.process, 'exit');
    for await (const line of createInterface({ input: models.process.stdout })) {
      const m = /^listening on (\S+)$/.exec(line);
      if (m) return Object.assign(models, { url: `http://${m[1]}` });
    }
    throw new Error('the model server did not start');
  }

  async stop() {
    this.process.kill('SIGTERM');
    await this.exit;
  }
}
