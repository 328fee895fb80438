// Runs the extension with VS Code's language client against the command that
// WHITTLE names, and uses what an editor shows.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const Module = require("node:module");
const test = require("node:test");
const { create } = require("./vscode.js");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "whittle-vscode-"));
const { api, editor } = create(folder, { "whittle.path": process.env.WHITTLE ?? "whittle", "whittle.arguments": [] });
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? api : load(name, ...rest));
const extension = require("../extension.js");

const rules = (list) => (list ?? []).map((d) => (typeof d.code === "object" ? d.code.value : d.code));
const has = (name) => (list) => rules(list).includes(name);
const lacks = (name) => (list) => list !== undefined && !rules(list).includes(name);

test("the extension in VS Code", async (t) => {
  await extension.activate({ subscriptions: [] });
  t.after(async () => {
    await extension.deactivate();
    fs.rmSync(folder, { recursive: true });
  });

  const file = path.join(folder, "Dockerfile");
  const text = "FROM debian:bookworm-slim\nMAINTAINER me@example.test\nRUN curl -k https://example.test/ö >/dev/null\n";
  fs.writeFileSync(file, text);
  const d = await editor.open(file, "dockerfile", text);
  const found = await editor.shown(d, has("maintainer"));

  await t.test("a finding has its range, severity, source and page", () => {
    const one = found.find((x) => rules([x])[0] === "maintainer");
    assert.equal(one.range.start.line, 1);
    assert.equal(one.source, "whittle");
    assert.ok(one.severity <= api.DiagnosticSeverity.Hint);
    assert.match(one.code.target.toString(), /^https:\/\//);
  });

  await t.test("a hover shows the rule's page", async () => {
    const [h] = await editor.hover(d, new api.Position(1, 2));
    assert.match(JSON.stringify(h.contents), /maintainer/);
  });

  await t.test("a fix changes the document, and its finding goes", async () => {
    const actions = await editor.actions(d, new api.Range(1, 0, 1, 5));
    const fix = actions.find((a) => a.kind?.value.startsWith("quickfix") && a.edit && !/ignore/i.test(a.title));
    assert.ok(fix, `no fix among ${actions.map((a) => a.title)}`);
    await editor.apply(fix.edit);
    assert.doesNotMatch(d.text, /^MAINTAINER/m);
    await editor.shown(d, lacks("maintainer"));
  });

  await t.test("all safe fixes on saving", async () => {
    await editor.replace(d, new api.Range(0, 0, 0, 4), "from");
    await editor.shown(d, has("instruction-case"));
    const kind = new api.CodeActionKind("source.fixAll.whittle");
    const [all] = await editor.actions(d, new api.Range(0, 0, 3, 0), kind);
    assert.equal(all.kind.value, kind.value);
    await editor.apply(all.edit);
    await editor.save(d);
    assert.match(d.text, /^FROM debian/);
    await editor.shown(d, lacks("instruction-case"));
  });

  await t.test("names of rules are completed in a comment", async () => {
    await editor.replace(d, new api.Range(0, 0, 0, 0), "# whittle ignore=curl-\n");
    const items = await editor.complete(d, new api.Position(0, 22));
    assert.ok(items.some((i) => /^curl-/.test(i.label.label ?? i.label)), `completed ${items.length} items`);
  });

  await t.test("other settings start the server again", async () => {
    await editor.configure("whittle.arguments", ["--preset=strict"]);
    await editor.shown(d, (list) => list?.length > found.length);
  });

  await t.test("a document that is closed has no findings", async () => {
    await editor.close(d);
    await editor.shown(d, (list) => !list?.length);
  });

  await t.test("an ignore file", async () => {
    const ignore = path.join(folder, ".dockerignore");
    fs.writeFileSync(ignore, "!kept\n");
    await editor.shown(await editor.open(ignore, "ignore", "!kept\n"), (list) => list?.length > 0);
  });

  assert.deepEqual(editor.messages, [], "the extension complains");
});
