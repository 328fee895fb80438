// The extension starts whittle lsp and leaves everything else to it.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

/** The languages and files that whittle lsp knows, see docs/editors.md. */
const documentSelector = [
  { language: "dockerfile" },
  { language: "dockercompose" },
  { language: "dockerbake" },
  { pattern: "**/{compose,docker-compose}*.{yml,yaml}" },
  { pattern: "**/docker-bake*.hcl" },
  { pattern: "**/{.dockerignore,.containerignore,*.dockerignore}" },
];

/** @type {LanguageClient | undefined} */
let client;

async function start() {
  const settings = vscode.workspace.getConfiguration("whittle");
  client = new LanguageClient(
    "whittle",
    "Whittle",
    { command: settings.get("path", "whittle"), args: ["lsp", ...settings.get("arguments", [])] },
    { documentSelector },
  );
  await client.start();
}

async function restart() {
  await client?.stop();
  await start();
}

exports.activate = async (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("whittle.restart", restart),
    vscode.workspace.onDidChangeConfiguration((e) => e.affectsConfiguration("whittle") && restart()),
  );
  await start();
};

exports.deactivate = () => client?.stop();
