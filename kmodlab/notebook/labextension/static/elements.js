// SPDX-License-Identifier: GPL-2.0-or-later
// Elements of a page.

/**
 * A new element with these properties; `role` and `label` (for screen readers) are attributes.
 * @param {string} name
 * @param {Record<string, any>} properties
 */
export function element(name, { role, label, ...properties } = {}) {
  const node = Object.assign(document.createElement(name), properties);
  if (role) {
    node.setAttribute('role', role);
  }
  if (label) {
    node.setAttribute('aria-label', label);
  }
  return node;
}
