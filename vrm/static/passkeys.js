// A form with data-passkey → the browser talks to the device, and the form is sent with what the device answered.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = (list) => (list ?? []).map((item) => ({ ...item, id: bytes(item.id) }));

async function ask(form) {
  const csrf = new FormData(form).get("csrf_token");
  const answer = await fetch(form.dataset.passkey, { method: "POST", headers: { "X-CSRFToken": csrf } });
  if (!answer.ok) throw new Error(answer.statusText);
  const options = await answer.json();
  options.challenge = bytes(options.challenge);
  if ("make" in form.dataset) {
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = named(options.excludeCredentials);
    return navigator.credentials.create({ publicKey: options });
  }
  options.allowCredentials = named(options.allowCredentials);
  return navigator.credentials.get({ publicKey: options });
}

function written(credential) {
  const { id, type, rawId, response } = credential;
  const parts = ["attestationObject", "clientDataJSON", "authenticatorData", "signature", "userHandle"];
  const said = Object.fromEntries(parts.filter((part) => response[part]).map((part) => [part, text(response[part])]));
  return JSON.stringify({ id, type, rawId: text(rawId), response: said });
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    try {
      form.elements.credential.value = written(await ask(form));
    } catch {
      return; // The person said no, or the device did: the page offers other ways.
    }
    form.submit();
  });
}
