// SPDX-License-Identifier: GPL-2.0-or-later
// The languages of cells: those that JupyterLab has, and make, each with a magic as its first line.

/** The language of each magic, by its MIME type. */
const MIME = { c: 'text/x-kmodlab-c', make: 'text/x-kmodlab-make', shell: 'text/x-kmodlab-shell' };
const MAGICS = {
  kmod: MIME.c,
  faults: MIME.c,
  timeline: MIME.c,
  kfile: MIME.c,
  library: MIME.c,
  intree: MIME.c,
  makefile: MIME.make,
  guest: MIME.shell,
  kscript: MIME.shell
};

/**
 * The MIME type that a cell has by its first line; '' if it is none of ours.
 * @param {string} source
 */
export function mimeOf(source) {
  const magic = /^%%(\w+)(?:[ \t]+(\S+))?/.exec(source);
  if (!magic) {
    return '';
  }
  const name = (magic[2] ?? '').split('/').pop();
  if (['kfile', 'intree'].includes(magic[1]) && /^(Makefile|Kbuild|Kconfig)/.test(name)) {
    return MIME.make; // comments, tabs and variables are alike in Kconfig
  }
  return MAGICS[magic[1]] ?? '';
}

/** Whether a MIME type is our C. */
export const isC = mime => mime === MIME.c;

/** Whether a MIME type is one of ours. */
export const isOurs = mime => Object.values(MIME).includes(mime);

/**
 * Add the languages to JupyterLab's registry.
 * @param registry IEditorLanguageRegistry
 * @param codemirror the packages @codemirror/language and @lezer/common
 */
export function makeLanguages(registry, codemirror) {
  const { StreamLanguage, LanguageSupport } = codemirror.language;
  const loaded = async name => (await registry.getLanguage(name)).support;
  const make = async () => new LanguageSupport(StreamLanguage.define(MAKE));
  for (const [name, mime, load] of [
    ['kmodlab C', MIME.c, () => loaded('C')],
    ['kmodlab make', MIME.make, make],
    ['kmodlab shell', MIME.shell, () => loaded('Shell')]
  ]) {
    registry.addLanguage({
      name,
      mime,
      load: async () => belowMagic(await load(), codemirror)
    });
  }
}

/** A language whose parser leaves the first line out: it is the magic, and belongs to IPython. */
function belowMagic(support, { language, common }) {
  const { Language, LanguageSupport, languageDataProp } = language;
  const { NodeType, Parser, Tree } = common;
  const whole = NodeType.define({ id: 0, name: 'Cell', top: true });
  // Begins with the end of the first line: comment keys are looked up to the left of where a line begins, too.
  const data = languageDataProp.add(() => support.language.data);
  const text = NodeType.define({ id: 1, name: 'Text', top: true, props: [data] });

  class BelowMagic extends Parser {
    createParse(input, _fragments, ranges) {
      const from = Math.min(input.length, firstLineEnd(input));
      // Cells are small: parsing one anew is quicker than anybody types.
      const below = ranges.map(range => ({ from: Math.max(range.from, from), to: range.to })).filter(r => r.from < r.to);
      if (!below.length) {
        return done(new Tree(whole, [], [], input.length), input.length);
      }
      const inner = support.language.parser.startParse(input, [], below);
      return {
        advance: () => {
          const tree = inner.advance();
          const inside = tree && new Tree(text, [tree], [1], tree.length + 1);
          return tree && new Tree(whole, [inside], [below[0].from - 1], input.length);
        },
        get parsedPos() {
          return inner.parsedPos;
        },
        get stoppedAt() {
          return inner.stoppedAt;
        },
        stopAt: position => inner.stopAt(position)
      };
    }
  }

  const wrapped = new Language(support.language.data, new BelowMagic(), [], 'kmodlab');
  return new LanguageSupport(wrapped, support.support);
}

/** The position after the first line. */
function firstLineEnd(input) {
  const end = input.read(0, Math.min(input.length, 10000)).indexOf('\n');
  return end < 0 ? input.length : end + 1;
}

/** A parse that has ended. */
function done(tree, length) {
  return { advance: () => tree, parsedPos: length, stoppedAt: null, stopAt: () => {} };
}

/** Makefiles for kbuild, as a stream parser of CodeMirror. */
const MAKE = {
  name: 'make',
  token(stream) {
    if (stream.match(/^#.*/)) {
      return 'comment';
    }
    if (stream.match(/^\$[({][^)}]*[)}]/) || stream.match(/^\$[@<^]/)) {
      return 'variableName';
    }
    if (stream.match(/^(?:ifeq|ifneq|ifdef|ifndef|else|endif|include|define|endef)\b/)) {
      return 'keyword';
    }
    if (stream.sol() && stream.match(/^[\w$().-]+(?=\s*[:+?]?=)/)) {
      return 'propertyName';
    }
    if (stream.match(/^[:+?]?=/)) {
      return 'operator';
    }
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: '#' } }
};
