// The API and the token it needs.

import { $, state } from "./dom.js";
import { setLive } from "./list.js";

export class Unauthorized extends Error {}

export async function call(path, options) {
  const response = await fetch("/api/v1/" + path, { ...options, headers: { Authorization: "Bearer " + state.token, ...(options && options.headers) } });
  if (response.status === 401) throw new Unauthorized();
  if (!response.ok) {
    let message = response.status + " " + response.statusText;
    try { message = (await response.json()).error.message; } catch { /* not ours */ }
    throw new Error(message);
  }
  return response;
}

export const get = async (path) => (await call(path)).json();

export function signIn(fault) {
  sessionStorage.removeItem("token");
  state.token = "";
  for (const section of document.querySelectorAll("main > section")) section.hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-fault").textContent = fault || "";
  setLive("off", "no token");
  $("token").focus();
}

export function takeToken() {
  const match = location.hash.match(/^#token=([\w-]+)/);
  if (match) {
    sessionStorage.setItem("token", match[1]);
    history.replaceState(null, "", "/#/exchanges");
  }
  state.token = sessionStorage.getItem("token") || "";
}
