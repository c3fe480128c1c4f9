// SPDX-License-Identifier: MIT
// A page that is no bot's: a title over a view. What one is: {
//   id       no bot's; what the server calls an inbox, if it is one
//   hash     its address
//   name     of the window
//   title    also of its link
//   kind     class of the link
//   counted  what is counted at the link: what, in words, changes(event), read();
//            or null
//   about    a sentence
//   view(me) what it shows: el, attached(), detached(), refresh(); if it has
//            them, told(event), paintBots(ids)
// }

import { h } from './dom.js';

export class Page {
  /** me: who is signed in. */
  constructor(page, me) {
    this.id = page.id;
    this.view = page.view(me);
    this.heading = h('h1', { tabindex: -1 }, page.title);
    this.el = h('main', { id: 'main', class: 'panel', tabindex: -1 },
      h('header', { class: 'bot-head' },
        h('div', { class: 'line' },
          h('a', { class: 'back', href: '#/', 'aria-label': 'Back to the list' }, '‹'),
          this.heading),
        h('p', { class: 'facts' }, page.about)),
      h('div', { class: 'panel-body' }, this.view.el));
  }

  attached() { return this.view.attached(); }

  detached() { this.view.detached(); }

  reload() { return this.view.refresh(); }

  told(event) { this.view.told?.(event); }

  paintBots(ids) { this.view.paintBots?.(ids); }

  focus() { this.heading.focus(); }

  escape() {}
}
