// One exchange in full.

import { Unauthorized, call, get, signIn } from "./api.js";
import { $, el, fullTime, plain, size, state, tag, took } from "./dom.js";

// indent lays JSON out without reading its numbers, which may be larger than JavaScript's.
function indent(text) {
  try { JSON.parse(text); } catch { return text; }
  let out = "", depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      let end = i + 1;
      while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      out += text.slice(i, end + 1);
      i = end;
    } else if (c === "{" || c === "[") {
      const rest = text.slice(i + 1).match(/^\s*[}\]]/);
      if (rest) { out += c + rest[0].trim(); i += rest[0].length; } else out += c + "\n" + "  ".repeat(++depth);
    } else if (c === "}" || c === "]") out += "\n" + "  ".repeat(--depth) + c;
    else if (c === ",") out += ",\n" + "  ".repeat(depth);
    else if (c === ":") out += ": ";
    else if (!/\s/.test(c)) out += c;
  }
  return out;
}

// pointers names, for each line of indented JSON, the JSON pointer of the value that begins on it.
function pointers(lines) {
  const stack = [];
  return lines.map((line) => {
    const text = line.trim();
    if (text.startsWith("}") || text.startsWith("]")) { stack.pop(); return null; }
    const key = text.match(/^("(?:[^"\\]|\\.)*"): /);
    const top = stack[stack.length - 1];
    let path = "";
    if (top) path = top.path + "/" + (top.list ? top.next++ : key ? JSON.parse(key[1]).replace(/~/g, "~0").replace(/\//g, "~1") : "");
    if (text.endsWith("{") || text.endsWith("[")) stack.push({ path, list: text.endsWith("["), next: 0 });
    return path;
  });
}

// inputText is the input document with the places marked that the rules point at.
function inputText(text, violations) {
  const lines = text.split("\n");
  const paths = pointers(lines);
  const marks = new Map();
  for (const v of violations) {
    // A pointer may name something that is not there; then its nearest parent is marked.
    for (let p = v.pointer; p; p = p.slice(0, p.lastIndexOf("/"))) {
      const at = paths.indexOf(p);
      if (at >= 0) { if (marks.get(at) !== "deny") marks.set(at, v.level); break; }
    }
  }
  const pre = el("pre", { class: "text", tabindex: "0", "aria-label": "Input document" });
  lines.forEach((line, i) => {
    if (marks.has(i)) pre.append(el("span", { class: "hit " + marks.get(i), "data-pointer": paths[i] }, line + "\n"));
    else pre.append(plain(line) + "\n");
  });
  return pre;
}


export const facts = (pairs) => el("dl", { class: "facts-list" }, pairs.filter(([, v]) => v !== "" && v !== null && v !== undefined)
  .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
export const mono = (text) => (text ? el("code", {}, text) : "");
const block = (title, note, ...children) => el("section", { class: "block" }, el("h2", {}, title, note ? el("span", { class: "muted" }, note) : null), ...children);

function copyButton(text) {
  return el("button", { type: "button", class: "plain", onclick: async (event) => {
    try { await navigator.clipboard.writeText(text); event.target.textContent = "Copied"; } catch { event.target.textContent = "Not allowed"; }
  } }, "Copy");
}

function message(title, m, first) {
  if (!m.headers.length && !m.body && !first && !m.bytes) return null;
  const text = indent(m.body);
  const note = (m.bytes ? size(m.bytes) : "no body") + (m.cut ? (m.body ? ", the beginning is shown" : ", too large or not readable") : "");
  return block(title, note,
    first ? el("pre", { class: "text" }, first) : null,
    m.headers.length ? el("details", {}, el("summary", {}, m.headers.length + (m.headers.length === 1 ? " header field" : " header fields") + " (secrets left out)"),
      el("pre", { class: "text" }, m.headers.map((h) => h.name + ": " + h.value).join("\n"))) : null,
    m.body ? el("pre", { class: "text", tabindex: "0", "aria-label": title + " body" }, text) : null);
}

function why(v, jump) {
  return el("div", { class: "why " + v.level },
    el("div", { class: "id" }, el("span", { class: "tag " + (v.level === "audit" ? "" : v.level) }, v.level), el("code", {}, v.id)),
    el("p", {}, v.message),
    v.fix ? el("p", {}, el("b", {}, "Fix: "), v.fix) : null,
    el("p", { class: "where" }, v.location ? ["rule at ", mono(v.location)] : null,
      v.pointer ? [v.location ? " · " : "", "looks at ", el("button", { type: "button", class: "plain", onclick: () => jump(v.pointer) }, v.pointer)] : null));
}

function missBlock(miss) {
  const note = "searched " + miss.interactions + " recordings";
  if (miss.used > 0) return block("No recording left", note, el("p", {}, "This very request was recorded " + (miss.used === 1 ? "once" : miss.used + " times") + ", and that was used up. Record it again, or set --repeat last or cycle."));
  if (!miss.nearest.length) return block("No recording", note, el("p", {}, "Nothing on the cassette comes near."));
  return block("No recording; the nearest", note, ...miss.nearest.map((n) => el("div", { class: "why" },
    el("p", {}, el("code", {}, n.method + " " + n.url), el("span", { class: "muted" }, n.line ? "  line " + n.line : "")),
    n.diffs.length ? el("div", { class: "scroll" }, el("table", { class: "diff" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Part"), el("th", { scope: "col" }, "Recorded"), el("th", { scope: "col" }, "Sent"))),
      el("tbody", {}, n.diffs.map((d) => el("tr", {}, el("td", {}, d.part + (d.pointer ? " " + d.pointer : "")),
        el("td", { class: d.recorded ? "was" : "muted" }, d.recorded || "nothing"), el("td", { class: d.sent ? "is" : "muted" }, d.sent || "nothing")))))) : null)));
}

function formBlock(f) {
  const ids = Object.entries(f.ids).map(([k, v]) => k + " = " + v).join(", ");
  return block("Normal form", f.kind.replaceAll("_", " "), facts([
    ["operation", f.operation + (f.effect !== "none" && f.effect ? ", effect " + f.effect : "")], ["resource", f.resource], ["family", f.family],
    ["route", mono(f.route)], ["ids", ids ? mono(ids) : ""], ["targets", f.targets.join(", ")], ["path", mono(f.path)], ["cloud", f.cloud]]));
}

function tokenBlock(t) {
  if (!t.present) return block("Token", "none was sent");
  return block("Token claims", t.format === "jwt" ? "read, not verified" : "an opaque token says nothing", facts([
    ["type", t.type], ["tenant", mono(t.tenant)], ["app", mono(t.app)], ["object", mono(t.object)], ["audience", t.audience],
    ["scopes", t.scopes.join(" ")], ["roles", t.roles.join(" ")], ["issued", fullTime(t.issued)], ["expires", fullTime(t.expires)],
    ["odd", t.anomalies.join(", ")]]));
}

// inputBlock loads the input document when somebody wants it.
function inputBlock(e, part, title) {
  const holder = el("details", {}, el("summary", {}, title));
  const query = part === null ? "" : "?part=" + part;
  const prefix = part === null ? "" : "/requests/" + part;
  const violations = e.violations.filter((v) => (part === null ? !v.pointer.startsWith("/requests/") : v.pointer.startsWith(prefix + "/")))
    .map((v) => ({ ...v, pointer: v.pointer.slice(prefix.length) }));
  const open = async () => {
    holder.open = true;
    if (holder.dataset.loaded) return;
    holder.dataset.loaded = "yes";
    try {
      const text = await (await call("exchanges/" + encodeURIComponent(e.id) + "/input" + query)).text();
      holder.append(inputText(text, violations), copyButton(text));
    } catch (fault) {
      holder.append(el("p", { class: "fault" }, fault.message));
      delete holder.dataset.loaded;
    }
  };
  holder.addEventListener("toggle", () => { if (holder.open) open(); });
  holder.jump = async (pointer) => {
    await open();
    const hits = [...holder.querySelectorAll(".hit")];
    const hit = hits.find((h) => h.dataset.pointer === pointer) || hits.find((h) => pointer.startsWith(h.dataset.pointer));
    (hit || holder).scrollIntoView({ block: "center" });
    holder.querySelector("pre")?.focus({ preventScroll: true });
  };
  return holder;
}

function timing(e) {
  const bar = el("span", { class: "timing", "aria-hidden": "true" });
  for (const [name, us] of [["judged", e.judged_us], ["answered", e.answered_us]]) {
    const part = el("i", { class: name });
    part.style.width = Math.min(100, (100 * us) / Math.max(1, e.duration_us)) + "%";
    bar.append(part);
  }
  const words = took(e.duration_us) + (e.judged_us ? ", judge " + took(e.judged_us) : "") + (e.answered_us ? ", " + (e.source === "cassette" || e.outcome === "missed" ? "cassette " : "origin ") + took(e.answered_us) : "");
  return [words, bar];
}

function drawDetail(e) {
  const box = $("detail");
  const d = e.detail;
  const parts = d ? d.parts.map((p, i) => inputBlock(e, i, "Input document of part " + p.batch)) : [];
  const input = d && d.form ? inputBlock(e, null, "Input document, as the policies saw it") : null;
  const jump = (pointer) => {
    const match = pointer.match(/^\/requests\/(\d+)(.*)$/);
    const target = match ? parts[Number(match[1])] : input;
    if (target) target.jump(match ? match[2] : pointer);
  };
  box.replaceChildren(
    el("div", { class: "top" }, tag(e), el("h1", {}, e.method + " " + e.path), el("button", { type: "button", onclick: close, "aria-keyshortcuts": "Escape" }, "Close")),
    e.refusal && !e.violations.length && !(d && d.miss) ? el("div", { class: "why deny" }, el("div", { class: "id" }, el("code", {}, e.refusal)), el("p", {}, e.message)) : "",
    e.violations.length ? block(e.verdict === "allow" ? "Noted" : "Why", e.verdict + (e.verdict === "deny" ? (e.enforced ? ", refused" : ", let through") : ""), ...e.violations.map((v) => why(v, jump))) : "",
    d && d.miss ? missBlock(d.miss) : "",
    block("Exchange", "", facts([
      ["time", fullTime(e.time)], ["answer", e.status + " from " + e.source + (e.refusal ? ", " + e.refusal : "")], ["took", el("span", {}, timing(e))],
      ["targets", e.targets.join(", ")], ["host", e.host], ["session", e.session], ["id", mono(e.id)]])),
    d ? "" : el("p", { class: "muted" }, "The details are not at hand: the answer is still on its way, or they made room for newer ones."),
    d ? message("Request", d.request, e.method + " " + d.target) || "" : "",
    d && d.form ? formBlock(d.form) : "",
    d && d.parts.length ? block("Parts of the batch", "", ...d.parts.map((p, i) => el("div", { class: "why" },
      el("p", {}, el("b", {}, p.batch + ": "), el("code", {}, p.method + " " + p.path)),
      el("p", { class: "muted" }, p.operation + " " + p.resource + (p.targets.length ? " → " + p.targets.join(", ") : "")), parts[i]))) : "",
    d && d.form ? tokenBlock(d.form.token) : "",
    input ? el("section", { class: "block" }, input) : "",
    d ? message("Response", d.response, "") || "" : "");
}

export async function open(id) {
  state.chosen = id;
  for (const link of document.querySelectorAll(".row[aria-current]")) link.removeAttribute("aria-current");
  document.querySelector('.row[data-id="' + CSS.escape(id) + '"]')?.setAttribute("aria-current", "true");
  $("view-exchanges").classList.add("open");
  const box = $("detail");
  box.hidden = false;
  const known = state.byID.get(id);
  if (known) drawDetail({ ...known, detail: null }); else box.replaceChildren(el("p", { class: "muted" }, "Loading"));
  box.scrollTop = 0;
  box.focus({ preventScroll: true });
  // The details follow the answer, which may still be on its way.
  for (let tries = 0; tries < 6 && state.chosen === id; tries++) {
    let e;
    try { e = await get("exchanges/" + encodeURIComponent(id)); } catch (fault) {
      if (fault instanceof Unauthorized) { signIn(); return; }
      if (state.chosen === id) box.replaceChildren(el("div", { class: "top" }, el("h1", {}, fault.message), el("button", { type: "button", onclick: close }, "Close")));
      return;
    }
    if (state.chosen !== id) return;
    if (e.detail || tries === 5) { drawDetail(e); return; }
    await new Promise((done) => setTimeout(done, 250 * (tries + 1)));
  }
}

export function close() {
  const id = state.chosen;
  location.hash = "#/exchanges";
  document.querySelector('.row[data-id="' + CSS.escape(id) + '"]')?.focus();
}
