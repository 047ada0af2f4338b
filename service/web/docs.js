// A list of the routes, made from the service's own OpenAPI document: nothing is loaded from elsewhere.
const api = await (await fetch("/openapi.json")).json();
const add = (parent, tag, text) => parent.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
const resolve = (schema) => schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema;
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, route] of Object.entries(methods)) {
    const part = document.getElementById("routes").appendChild(document.createElement("section"));
    add(part, "h2", `${method.toUpperCase()} ${path}`);
    add(part, "p", route.description ?? route.summary ?? "");
    const list = part.appendChild(document.createElement("ul"));
    for (const p of route.parameters ?? []) add(list, "li", `${p.in} ${p.name}: ${p.description ?? ""}`);
    for (const [type, body] of Object.entries(route.requestBody?.content ?? {})) {
      add(list, "li", `body ${type}`);
      for (const [name, field] of Object.entries(resolve(body.schema)?.properties ?? {}))
        add(list, "li", `field ${name}: ${field.description ?? field.type ?? ""}`);
    }
    for (const [status, answer] of Object.entries(route.responses)) add(list, "li", `${status}: ${answer.description}`);
  }
}
