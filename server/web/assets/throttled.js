// SPDX-License-Identifier: MIT
// Doing something soon, but a few times a second at most.

const PAUSE_MS = 400;

/** Runs fn soon, and not again before a pause is over. */
export function throttled(fn) {
  let timer = null;
  let again = false;
  const run = async () => {
    timer = setTimeout(() => {
      timer = null;
      if (again) run();
    }, PAUSE_MS);
    again = false;
    await fn();
  };
  return () => {
    if (timer) again = true;
    else run();
  };
}
