// A VS Code without a window: what the language client asks the module
// "vscode" for, with documents that a test opens, changes and saves. The client
// in front of it is the real one, so that the server gets VS Code's own
// messages in VS Code's own order.
"use strict";

const { EventEmitter: Emitter } = require("node:events");
const { pathToFileURL, fileURLToPath } = require("node:url");

class Disposable {
  constructor(f) {
    this.dispose = f ?? (() => {});
  }
  static from(...all) {
    return new Disposable(() => all.forEach((d) => d.dispose()));
  }
}

class EventEmitter {
  #emitter = new Emitter();
  event = (listener, self, into) => {
    const f = listener.bind(self);
    this.#emitter.on("event", f);
    const d = new Disposable(() => this.#emitter.off("event", f));
    into?.push(d);
    return d;
  };
  /** Calls the listeners and waits for what they return. */
  fire = (e) => Promise.all(this.#emitter.listeners("event").map((f) => f(e)));
  dispose() {
    this.#emitter.removeAllListeners();
  }
}

class CancellationTokenSource {
  #ended = new EventEmitter();
  token = { isCancellationRequested: false, onCancellationRequested: this.#ended.event };
  cancel() {
    this.token.isCancellationRequested = true;
    this.#ended.fire();
  }
  dispose() {}
}

class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}

class Range {
  constructor(...p) {
    [this.start, this.end] = p.length === 4 ? [new Position(p[0], p[1]), new Position(p[2], p[3])] : p;
  }
}

class Uri {
  constructor(text) {
    const u = new URL(text);
    Object.assign(this, { scheme: u.protocol.slice(0, -1), authority: u.host, path: u.pathname, query: u.search, fragment: u.hash, text: u.href });
    this.fsPath = this.scheme === "file" ? fileURLToPath(u) : u.pathname;
  }
  static parse = (text) => new Uri(text);
  static file = (path) => new Uri(pathToFileURL(path).href);
  toString = () => this.text;
}

class CodeActionKind {
  constructor(value) {
    this.value = value;
  }
  append = (parts) => new CodeActionKind(this.value ? `${this.value}.${parts}` : parts);
}
for (const [name, value] of Object.entries({
  Empty: "", QuickFix: "quickfix", Refactor: "refactor", RefactorExtract: "refactor.extract", RefactorInline: "refactor.inline",
  RefactorRewrite: "refactor.rewrite", Source: "source", SourceOrganizeImports: "source.organizeImports", SourceFixAll: "source.fixAll",
}))
  CodeActionKind[name] = new CodeActionKind(value);

/** A class that keeps the arguments of its constructor by name. */
const record = (...names) =>
  class {
    constructor(...args) {
      names.forEach((n, i) => (this[n] = args[i]));
    }
  };

class WorkspaceEdit {
  edits = new Map();
  set(uri, edits) {
    this.edits.set(uri.toString(), edits);
  }
  replace(uri, range, newText) {
    const key = uri.toString();
    this.edits.set(key, [...(this.edits.get(key) ?? []), { range, newText }]);
  }
  insert(uri, at, newText) {
    this.replace(uri, new Range(at, at), newText);
  }
  delete(uri, range) {
    this.replace(uri, range, "");
  }
}

/** An enumeration: its names count from first. */
const enumeration = (first, ...names) => Object.fromEntries(names.flatMap((n, i) => [[n, i + first], [i + first, n]]));

class Document {
  version = 1;
  isDirty = false;
  isClosed = false;
  constructor(uri, languageId, text) {
    Object.assign(this, { uri, languageId, text, fileName: uri.fsPath });
  }
  getText = () => this.text;
  offset(p) {
    const lines = this.text.split("\n");
    return lines.slice(0, p.line).reduce((n, l) => n + l.length + 1, 0) + p.character;
  }
}

/**
 * VS Code with a folder open. settings are those of the user.
 * @returns {{api: object, editor: object}} the module and what a person does.
 */
exports.create = (folder, settings) => {
  const events = {};
  const on = (name) => (events[name] = new EventEmitter()).event;
  const documents = [];
  const providers = {};
  const diagnostics = new Map();
  const changed = new EventEmitter();
  const messages = [];
  const commands = new Map();
  const register = (kind) => (selector, provider, metadata) => {
    (providers[kind] ??= []).push({ selector, provider, metadata });
    return new Disposable(() => (providers[kind] = providers[kind].filter((p) => p.provider !== provider)));
  };
  const matches = (selector, d) => selector.some((s) => (s.language ? s.language === d.languageId : s.pattern && glob(s.pattern, d.uri.path)));
  const folders = [{ uri: Uri.file(folder), name: "folder", index: 0 }];
  const said = (level) => (text) => {
    messages.push(`${level}: ${text}`);
    return Promise.resolve(undefined);
  };
  const languages = new Proxy(
    {
      match: (selector, d) => (matches([selector].flat(), d) ? 10 : 0),
      createDiagnosticCollection: () => ({
        set: (uri, list) => {
          diagnostics.set(uri.toString(), list ?? []);
          changed.fire();
        },
        delete: (uri) => {
          diagnostics.delete(uri.toString());
          changed.fire();
        },
        clear: () => diagnostics.clear(),
        dispose: () => diagnostics.clear(),
      }),
    },
    { get: (o, name) => o[name] ?? (name.startsWith("register") ? register(name) : undefined) },
  );
  const api = {
    version: "1.96.0",
    Disposable, EventEmitter, CancellationTokenSource, Position, Range, Uri, CodeActionKind, WorkspaceEdit,
    CancellationError: class extends Error {},
    Location: record("uri", "range"),
    Diagnostic: record("range", "message", "severity"),
    DiagnosticRelatedInformation: record("location", "message"),
    TextEdit: record("range", "newText"),
    CodeAction: record("title", "kind"),
    Hover: record("contents", "range"),
    MarkdownString: record("value"),
    SnippetString: record("value"),
    CompletionItem: record("label", "kind"),
    CompletionList: record("items", "isIncomplete"),
    CodeLens: record("range"), DocumentLink: record("range"), SymbolInformation: record("name"), InlayHint: record("position"),
    CallHierarchyItem: record(), TypeHierarchyItem: record(), RelativePattern: record("base", "pattern"),
    DiagnosticSeverity: enumeration(0, "Error", "Warning", "Information", "Hint"),
    DiagnosticTag: enumeration(1, "Unnecessary", "Deprecated"),
    CodeActionTriggerKind: enumeration(1, "Invoke", "Automatic"),
    CompletionTriggerKind: enumeration(0, "Invoke", "TriggerCharacter", "TriggerForIncompleteCompletions"),
    CompletionItemKind: enumeration(0, "Text", "Method", "Function", "Constructor", "Field", "Variable", "Class", "Interface", "Module", "Property"),
    CompletionItemTag: enumeration(1, "Deprecated"), SymbolTag: enumeration(1, "Deprecated"),
    SymbolKind: enumeration(0, "File", "Module"), DocumentHighlightKind: enumeration(0, "Text", "Read", "Write"),
    FileType: enumeration(0, "Unknown", "File", "Directory"), ProgressLocation: enumeration(1, "SourceControl", "Window", "Notification"),
    TextDocumentSaveReason: enumeration(1, "Manual", "AfterDelay", "FocusOut"), SignatureHelpTriggerKind: enumeration(1, "Invoke"),
    FoldingRangeKind: { Region: {}, Imports: {}, Comment: {} }, NotebookCellKind: enumeration(1, "Markup", "Code"),
    languages,
    env: { appName: "Visual Studio Code", language: "en", openExternal: async () => true },
    commands: {
      registerCommand: (name, f) => {
        commands.set(name, f);
        return new Disposable(() => commands.delete(name));
      },
    },
    window: {
      createOutputChannel: () => ({ append() {}, appendLine() {}, clear() {}, show() {}, dispose() {}, name: "Whittle" }),
      showErrorMessage: said("error"), showWarningMessage: said("warning"), showInformationMessage: said("info"),
      withProgress: (_, f) => f({ report() {} }, new CancellationTokenSource().token),
      onDidChangeActiveTextEditor: on("active"), activeTextEditor: undefined, visibleTextEditors: [],
      tabGroups: { all: [], onDidChangeTabs: on("tabs"), onDidChangeTabGroups: on("groups") },
    },
    workspace: {
      textDocuments: documents, notebookDocuments: [], workspaceFolders: folders, workspaceFile: undefined,
      getWorkspaceFolder: () => folders[0],
      getConfiguration: (section) => ({ get: (name, otherwise) => settings[section ? `${section}.${name}` : name] ?? otherwise, ...(settings[section] ?? {}) }),
      onDidOpenTextDocument: on("open"), onDidChangeTextDocument: on("change"), onWillSaveTextDocument: on("willSave"),
      onDidSaveTextDocument: on("save"), onDidCloseTextDocument: on("close"), onDidChangeConfiguration: on("configuration"),
      onDidChangeWorkspaceFolders: on("folders"), onDidCreateFiles: on("created"), onDidRenameFiles: on("renamed"),
      onDidDeleteFiles: on("deleted"), onWillCreateFiles: on("willCreate"), onWillRenameFiles: on("willRename"), onWillDeleteFiles: on("willDelete"),
      onDidOpenNotebookDocument: on("openNotebook"), onDidChangeNotebookDocument: on("changeNotebook"),
      onDidSaveNotebookDocument: on("saveNotebook"), onDidCloseNotebookDocument: on("closeNotebook"),
      createFileSystemWatcher: () => ({ onDidCreate: on("fsCreate"), onDidChange: on("fsChange"), onDidDelete: on("fsDelete"), dispose() {} }),
      applyEdit: async (e) => (await editor.apply(e), true),
    },
  };
  const ask = async (kind, d, f) => {
    const out = [];
    for (const p of providers[kind] ?? []) if (matches([p.selector].flat(), d)) out.push(...[(await f(p.provider)) ?? []].flat());
    return out;
  };
  const token = new CancellationTokenSource().token;
  const editor = {
    messages, commands, providers,
    async open(path, languageId, text) {
      const d = new Document(Uri.file(path), languageId, text);
      documents.push(d);
      await events.open.fire(d);
      return d;
    },
    async replace(d, range, text) {
      const [from, to] = [d.offset(range.start), d.offset(range.end)];
      d.text = d.text.slice(0, from) + text + d.text.slice(to);
      d.version++;
      d.isDirty = true;
      await events.change.fire({ document: d, contentChanges: [{ range, rangeOffset: from, rangeLength: to - from, text }], reason: undefined });
    },
    async apply(edit) {
      for (const [uri, edits] of edit.edits)
        for (const e of edits.toSorted((a, b) => b.range.start.line - a.range.start.line || b.range.start.character - a.range.start.character))
          await editor.replace(documents.find((d) => d.uri.toString() === uri), e.range, e.newText);
    },
    async save(d) {
      await events.willSave.fire({ document: d, reason: 1, waitUntil() {} });
      d.isDirty = false;
      await events.save.fire(d);
    },
    async close(d) {
      documents.splice(documents.indexOf(d), 1);
      d.isClosed = true;
      await events.close.fire(d);
    },
    configure: (name, value) => {
      settings[name] = value;
      return events.configuration.fire({ affectsConfiguration: (section) => name === section || name.startsWith(`${section}.`) });
    },
    diagnostics: (d) => diagnostics.get(d.uri.toString()),
    /** Waits until the findings of a document are as f wants them. */
    shown: (d, f) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`not shown within 20 s: ${f}; there is ${JSON.stringify(editor.diagnostics(d)?.map((x) => x.code?.value ?? x.code))}`)), 20_000);
        const look = () => {
          if (!f(editor.diagnostics(d))) return;
          clearTimeout(late);
          listening.dispose();
          resolve(editor.diagnostics(d));
        };
        const listening = changed.event(look);
        look();
      }),
    actions: (d, range, only) =>
      ask("registerCodeActionsProvider", d, (p) => p.provideCodeActions(d, range, { diagnostics: (editor.diagnostics(d) ?? []).filter((x) => x.range.start.line === range.start.line), only, triggerKind: 1 }, token)),
    hover: (d, p) => ask("registerHoverProvider", d, (h) => h.provideHover(d, p, token)),
    complete: (d, p) => ask("registerCompletionItemProvider", d, async (c) => [(await c.provideCompletionItems(d, p, token, { triggerKind: 0 })) ?? []].flatMap((x) => x.items ?? x)),
  };
  return { api, editor };
};

/** Reports whether a path matches a pattern of **, * and {a,b}. */
function glob(pattern, path) {
  const source = pattern.replace(/\*\*\/|\*|[{},]|[.+^$()|[\]\\]/g, (m) => ({ "**/": "(?:.*/)?", "*": "[^/]*", "{": "(?:", "}": ")", ",": "|" })[m] ?? `\\${m}`);
  return new RegExp(`^/?${source}$`).test(path);
}
