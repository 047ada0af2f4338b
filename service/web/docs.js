// A small reader of openapi.json: the usual ones load megabytes from elsewhere.
const main = document.getElementById("operations");

function element(tag, text = "", children = []) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function resolved(schema, api) {
  const name = schema?.$ref?.replace("#/components/schemas/", "");
  return name ? api.components.schemas[name] : schema ?? {};
}

function typeName(schema, api) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((choice) => typeName(choice, api)).join(" | ");
  if (schema.type === "array") return `${typeName(schema.items, api) || "any"}[]`;
  const binary = schema.format === "binary" || schema.contentMediaType;
  const range = [["minimum", ">="], ["exclusiveMinimum", ">"], ["maximum", "<="], ["exclusiveMaximum", "<"]]
    .filter(([key]) => key in schema).map(([key, sign]) => `${sign} ${schema[key]}`).join(", ");
  return [binary ? "file" : schema.type ?? "any", range && `(${range})`].filter(Boolean).join(" ");
}

function fieldTable(rows) {
  const head = element("tr", "", ["Name", "Type", "Meaning"].map((title) => element("th", title)));
  return element("table", "", [head, ...rows.map((row) => element("tr", "", row.map((cell) => element("td", cell))))]);
}

function fields(schema, api) {
  const { properties = {}, required = [] } = resolved(schema, api);
  return Object.entries(properties).map(([name, property]) => [
    name + (required.includes(name) ? " *" : ""),
    typeName(property, api) + ("default" in property ? ` = ${JSON.stringify(property.default)}` : ""),
    property.description ?? "",
  ]);
}

function curl(method, path, operation, api) {
  const words = [`curl -X ${method.toUpperCase()}`];
  const [media, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (media === "multipart/form-data") {
    const { properties = {}, required = [] } = resolved(body.schema, api);
    const files = Object.keys(properties).filter((name) => required.includes(name));
    words.push(...files.map((name) => `-F ${name}=@FILE`));
  } else if (media) {
    words.push(`-H 'Content-Type: ${media}' --data-binary @FILE`);
  }
  return [...words, location.origin + path].join(" ");
}

function operationBlock(path, method, operation, api) {
  const parts = [element("p", operation.description ?? "")];
  const parameters = (operation.parameters ?? []).map((parameter) => [
    `${parameter.name}${parameter.required ? " *" : ""} (${parameter.in})`,
    typeName(parameter.schema, api), parameter.description ?? "",
  ]);
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const rows = [...parameters, ...(body ? fields(body, api) : [])];
  if (rows.length) parts.push(element("h3", "Takes"), fieldTable(rows));
  const example = element("pre", curl(method, path, operation, api));
  example.tabIndex = 0; // a long line scrolls, so the keyboard must reach it
  parts.push(example, element("h3", "Answers"));
  for (const [status, response] of Object.entries(operation.responses)) {
    const [media, content] = Object.entries(response.content ?? {})[0] ?? [];
    const name = typeName(content?.schema, api);
    parts.push(element("p", `${status} ${response.description}${media ? ` (${media}${content.schema?.$ref ? `, ${name}` : ""})` : ""}`));
  }
  const summary = element("summary", "", [element("b", method.toUpperCase()), element("code", path), ` ${operation.summary ?? ""}`]);
  return element("details", "", [summary, ...parts]);
}

try {
  const api = await (await fetch("/openapi.json")).json();
  document.getElementById("title").textContent = `${api.info.title} ${api.info.version}`;
  const blocks = Object.entries(api.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => operationBlock(path, method, operation, api)));
  const schemas = Object.entries(api.components?.schemas ?? {}).map(([name, schema]) =>
    element("details", "", [element("summary", name), element("p", schema.description ?? ""), fieldTable(fields(schema, api))]));
  main.replaceChildren(element("h2", "Routes"), ...blocks, element("h2", "Objects"), ...schemas);
} catch (error) {
  main.replaceChildren(element("p", `The description of the API cannot be read: ${error.message}`));
}
