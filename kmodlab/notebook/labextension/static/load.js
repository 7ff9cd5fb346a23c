// SPDX-License-Identifier: GPL-2.0-or-later
// JupyterLab loads this script as it is, and then asks window._JUPYTERLAB for what package.json names. The other files
// are ES modules beside it; the packages that they need are JupyterLab's own, from the scope that it shares.
(() => {
  'use strict';

  const folder = new URL('.', document.currentScript.src);
  /** @type {Record<string, Record<string, {get: () => Promise<() => any>}>>} name -> version -> package */
  let shared = {};

  /**
   * A package that JupyterLab shares.
   * @param {string} name
   */
  async function get(name) {
    const [version] = Object.values(shared[name] ?? {});
    if (!version) {
      throw new Error(`JupyterLab does not share ${name}`);
    }
    return (await version.get())();
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB.kmodlab = {
    init: async scope => {
      shared = scope;
    },
    get: async () => {
      const { makePlugins } = await import(new URL('plugins.js', folder).href);
      const plugins = await makePlugins(get);
      return () => ({ __esModule: true, default: plugins });
    }
  };
})();
