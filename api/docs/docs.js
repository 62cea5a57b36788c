"use strict";

// Draws a form for each route of openapi.json. Texts are set as text, never as markup.

const el = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

let description;
const resolve = (thing) =>
  thing.$ref ? thing.$ref.slice(2).split("/").reduce((at, key) => at[key], description) : thing;

const rule = (schema) => {
  const parts = [];
  if (schema.minimum !== undefined) parts.push(`${schema.minimum} to ${schema.maximum}`);
  if (schema.default !== undefined) parts.push(`default ${schema.default}`);
  return parts.join(", ");
};

function field(parameter) {
  const label = el("label", parameter.required ? "required" : "");
  const input = el("input");
  input.name = parameter.name;
  input.required = Boolean(parameter.required);
  if (parameter.required && parameter.example !== undefined) input.value = parameter.example;
  else if (parameter.example !== undefined) input.placeholder = parameter.example;
  label.append(el("span", "name", parameter.name), input);
  const hint = [parameter.description, rule(parameter.schema)].filter(Boolean).join(" · ");
  if (hint) label.append(el("span", "hint", hint));
  return { label, input, parameter };
}

function urlOf(path, fields) {
  const query = new URLSearchParams();
  for (const { input, parameter } of fields) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "") query.set(parameter.name, input.value);
  }
  const text = query.toString();
  return path.slice(1) + (text ? `?${text}` : "");
}

const shown = (type, text) => {
  if (!type.includes("json")) return text.slice(0, 100000);
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, 100000);
  } catch {
    return text;
  }
};

async function send(method, url, body, state, output) {
  state.textContent = "…";
  const start = performance.now();
  try {
    const options = body === undefined ? { method } : { method, body, headers: { "Content-Type": "application/geo+json" } };
    const answer = await fetch(url, options);
    const text = await answer.text();
    const notes = [`${answer.status} ${answer.statusText}`, `${Math.round(performance.now() - start)} ms`, `${text.length} characters`];
    for (const name of ["Gridlight-Version", "Server-Timing"])
      if (answer.headers.get(name)) notes.push(`${name}: ${answer.headers.get(name)}`);
    state.textContent = notes.join(" · ");
    output.textContent = shown(answer.headers.get("Content-Type") || "", text);
  } catch (error) {
    state.textContent = String(error);
    output.textContent = "";
  }
}

function route(path, method, operation) {
  const box = el("details");
  const head = el("summary");
  head.append(el("span", "verb", method.toUpperCase()), el("code", "", path), el("span", "what", operation.summary));
  box.append(head);
  if (operation.description) box.append(el("p", "", operation.description));

  const form = el("form");
  const fields = (operation.parameters || []).map((p) => field(resolve(p)));
  for (const { label } of fields) form.append(label);
  let area;
  if (operation.requestBody) {
    area = el("textarea");
    area.value = JSON.stringify(operation.requestBody.content["application/geo+json"].example);
    form.append(el("p", "", operation.requestBody.description), area);
  }
  const url = el("div", "url");
  const state = el("div", "state");
  const output = el("pre");
  output.hidden = true;
  form.append(el("button", "", "Send"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const target = urlOf(path, fields);
    url.textContent = target;
    output.hidden = false;
    send(method.toUpperCase(), target, area && area.value, state, output);
  });
  box.append(form, url, state, output);
  return box;
}

async function draw() {
  const about = document.getElementById("about");
  try {
    description = await (await fetch("openapi.json")).json();
  } catch (error) {
    about.textContent = `The description could not be read: ${error}`;
    return;
  }
  about.textContent = `${description.info.description} Version ${description.info.version}.`;
  const main = document.getElementById("routes");
  for (const tag of description.tags) {
    main.append(el("h2", "", tag.description));
    for (const [path, item] of Object.entries(description.paths))
      for (const [method, operation] of Object.entries(item))
        if (operation.tags.includes(tag.name)) main.append(route(path, method, operation));
  }
}

draw();
