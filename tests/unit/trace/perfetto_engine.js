// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// Runs the trace processor of the Perfetto UI outside of a browser: node perfetto_engine.js DIRECTORY < requests > replies
//
// DIRECTORY holds the UI's engine_bundle.js and trace_processor.wasm. Requests and replies are messages of the type
// TraceProcessorRpcStream, one after another. The engine is a web worker: it expects to be handed a message port, and
// answers each message before it returns.

"use strict";

const fs = require("fs");
const path = require("path");
const vm = require("vm");

const directory = process.argv[2];

// How the engine reads its WebAssembly: at once, and synchronously.
class Request {
  open(_method, name) {
    this.name = path.basename(name);
  }

  send() {
    this.response = fs.readFileSync(path.join(directory, this.name));
  }
}

const worker = {
  console: { ...console, log: console.error },
  importScripts() {},
  location: { href: "engine_bundle.js" },
  performance,
  setTimeout,
  TextDecoder,
  // The engine looks at what WebAssembly throws and moves, and WebAssembly is not of the new context.
  TypeError,
  Uint8Array,
  URL,
  WebAssembly,
  WorkerGlobalScope: Object,
  XMLHttpRequest: Request,
};
worker.self = worker;

const port = { postMessage: (bytes) => fs.writeSync(1, bytes) };

process.on("uncaughtException", (error) => {
  console.error(error.message); // the stack would show the bundle, all of it on one line
  process.exit(1);
});

vm.runInNewContext(fs.readFileSync(path.join(directory, "engine_bundle.js"), "utf8"), worker);
worker.onmessage({ data: port });

// The engine is ready once the promises that it has resolved so far have had their turn.
setTimeout(() => port.onmessage({ data: new Uint8Array(fs.readFileSync(0)) }), 0);
