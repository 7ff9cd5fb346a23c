// SPDX-License-Identifier: GPL-2.0-or-later
// Asks a notebook's ipykernel about the C in its cells (kmodlab/notebook/front_end.py), each question in a comm.

const COMM = 'kmodlab.editor';
const PATIENCE_MS = 30000;
/** An ipykernel without kmodlab logs each question, so it is asked again only after some time. */
const REFUSED_MS = 5000;

export class Questions {
  /** The answer to the last question. */
  #last = Promise.resolve(null);
  #newest = 0;
  #refusedUntil = 0;

  /** @param sessionContext the notebook's session */
  constructor(sessionContext) {
    this.sessionContext = sessionContext;
  }

  /**
   * The answer to a question; null if there is none, or if a newer question was asked meanwhile. There is one question
   * at a time, however many are asked while a cell runs.
   * @param {{ask: string, code: string, offset: number}} question `offset` is counted in characters
   */
  async ask(question) {
    const own = ++this.#newest;
    await this.#last;
    if (own !== this.#newest || Date.now() < this.#refusedUntil) {
      return null;
    }
    this.#last = this.#send(question);
    return this.#last;
  }

  #send(question) {
    const kernel = this.sessionContext.session?.kernel;
    return new Promise(resolve => {
      if (!kernel || kernel.status === 'dead') {
        resolve(null);
        return;
      }
      const timer = setTimeout(resolve, PATIENCE_MS, null); // a restart ends comms without a word
      const comm = kernel.createComm(COMM);
      comm.onMsg = message => {
        comm.onClose = () => {};
        clearTimeout(timer);
        resolve(message.content.data);
      };
      comm.onClose = () => {
        this.#refusedUntil = Date.now() + REFUSED_MS;
        clearTimeout(timer);
        resolve(null);
      };
      comm.open(question);
    });
  }
}
