// consentgate: answers without a reload, and wakes what waits for consent. Without this script every
// form works by itself.
//
// window.consentgate.allows("statistics")   tells whether a category is allowed
// window.consentgate.wake()   looks once more for what waits: <script type="text/plain" data-consent="statistics">,
//                             <iframe data-consent="marketing" data-src="..." title="...">
// document.addEventListener("consentgate:change", event => event.detail.allowed)   hears of a new choice
(() => {
  "use strict";
  if (window.consentgate?.allows) return;
  const own = document.currentScript;
  // Not against a <base>: that is for the page's own addresses, and could be another site's.
  const here = (path) => new URL(path, location.href);
  const file = here(own.getAttribute("src"));
  let allowed = (own.dataset.allowed || "").split(" ");
  const allows = (name) => allowed.includes(name);

  // What is said in it is read aloud: it has to be there before.
  const announcer = document.createElement("div");
  announcer.className = "consentgate consentgate-announcer";
  announcer.setAttribute("role", "status");
  document.body.append(announcer);

  // A policy is fixed for the life of a page: what was allowed just now may not be in the gate's own.
  // What the app's policy forbids stays forbidden: it comes before, and is heard first.
  // Each by the start of an address; a frame of ours is forbidden by the app's policy alone.
  const helps = [];
  const GATES = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:";
  document.addEventListener("securitypolicyviolation", (event) => {
    const at = helps.findIndex(({ start }) => `${event.blockedURI}/`.startsWith(`${start}/`));
    if (event.disposition !== "enforce" || at < 0) return;
    const [{ help, ours }] = helps.splice(at, 1);
    if (ours || event.originalPolicy.startsWith(GATES)) help();
  });
  const address = (page, parameters) =>
    `${new URL(`../${page}`, file)}?${new URLSearchParams(parameters)}`;

  const SCRIPTS = "script[type='text/plain'][data-consent]";
  const FRAMES = "iframe[data-consent][data-src]";
  const BOX = "[data-consentgate-placeholder]";
  // "javascript:" would run in this very page.
  const sourceOf = (frame) => {
    const source = new URL(frame.dataset.src, document.baseURI);
    if (!/^https?:/.test(source)) throw source;
    return source;
  };
  const boxOf = (frame) => {
    const before = frame.previousElementSibling;
    return before?.matches(BOX) ? before : null;
  };

  // One that cannot be woken keeps none of the others asleep.
  const safely = (act, element) => {
    try {
      return act(element);
    } catch (error) {
      console.error(error);
    }
  };

  // What comes from the page's own author, or from the gate, is trusted as it is.
  const same = (text) => text;
  let trusted = { createHTML: same, createScript: same, createScriptURL: same };
  try {
    trusted = window.trustedTypes.createPolicy("consentgate", trusted);
  } catch {}
  const parsed = (text) => new DOMParser().parseFromString(trusted.createHTML(text), "text/html");

  // Only in answer to a choice: a page that is loaded has the policy of the choice.
  let reloads = false;
  const reload = () => location.reload();
  const wakeScript = (script) => {
    // First: whatever comes of it, it waits no more.
    script.removeAttribute("data-consent");
    const woken = document.createElement("script");
    for (const { name, value } of script.attributes)
      if (!["type", "src", "data-type", "data-consent", "data-src"].includes(name))
        woken.setAttribute(name, value);
    const { type, src = script.getAttribute("src") } = script.dataset;
    if (type) woken.type = type;
    if (src) woken.src = trusted.createScriptURL(src);
    // Browsers hide it from the attributes.
    woken.nonce = script.nonce;
    // Else they run in the order of the page.
    woken.async = script.hasAttribute("async");
    woken.text = trusted.createScript(script.text);
    if (reloads && src) helps.push({ start: new URL(woken.src).origin, help: reload });
    const ends = new Promise((end) => ["load", "error"].map((name) => woken.addEventListener(name, end)));
    script.replaceWith(woken);
    // What is no script for this browser never ends.
    const runs = woken.src && !woken.noModule && /^$|module|javascript/.test(woken.type);
    return runs && !woken.async && ends;
  };

  // An inline script runs as soon as it is in the page, so it is put there once those before have run.
  let isWaking = false;
  const wakeScripts = async () => {
    if (isWaking) return;
    isWaking = true;
    const loading = [];
    const next = () =>
      [...document.querySelectorAll(SCRIPTS)].find(({ dataset }) => allows(dataset.consent));
    for (let script; (script = next()); ) {
      const { src, type } = script.dataset;
      const isInline = !script.src && !src && type !== "module";
      if (isInline && loading.length) await Promise.all(loading.splice(0));
      else loading.push(safely(wakeScript, script));
    }
    isWaking = false;
  };

  const wakeFrame = (frame) => {
    const box = boxOf(frame);
    const focused = box?.contains(document.activeElement);
    const { title, allow } = frame;
    const lasts = reloads && allows(frame.dataset.consent);
    frame.removeAttribute("data-consent");
    const { href, origin } = sourceOf(frame);
    // Around it comes a frame of our own, which has a policy of its own.
    const help = () => {
      const full = +frame.allowFullscreen;
      frame.src = address("frame", { src: href, title, allow, once: 1, full });
      // The app's policy may have the film, but no frames of this site: then as with scripts.
      if (lasts) helps.push({ start: frame.src, help: reload, ours: true });
    };
    helps.push({ start: origin, help });
    frame.hidden = false;
    frame.src = href;
    box?.remove();
    if (focused) frame.focus();
  };

  // Without this script there is no way to allow something once.
  const offerOnce = () =>
    document.querySelectorAll("[data-consentgate-once]").forEach((button) => (button.hidden = false));

  // A frame that the page has written by itself: what stands in its place comes from the server.
  const asked = new WeakSet();
  const showBox = async (frame) => {
    if (asked.has(frame)) return;
    asked.add(frame);
    const { consent } = frame.dataset;
    const source = sourceOf(frame);
    const src = source.origin === location.origin ? source.pathname + source.search : source.href;
    const { pathname, search } = location;
    const said = { src, category: consent, title: frame.title, back: pathname + search };
    const { lang } = document.documentElement;
    if (lang) said.lang = lang;
    let box;
    try {
      const response = await fetch(address("placeholder", said));
      box = parsed(await response.text()).querySelector(BOX);
    } catch {}
    if (!box) {
      box = document.createElement("a");
      box.href = source;
      box.textContent = frame.title || source.host;
      box.dataset.consentgatePlaceholder = "";
    }
    if (frame.dataset.consent && !boxOf(frame)) {
      frame.before(box);
      frame.hidden = true;
      offerOnce();
    }
  };

  const wake = () => {
    wakeScripts();
    for (const frame of document.querySelectorAll(FRAMES)) {
      if (allows(frame.dataset.consent)) safely(wakeFrame, frame);
      else if (!boxOf(frame)) showBox(frame).catch(() => {});
    }
    offerOnce();
  };
  window.consentgate = Object.freeze({ allows, wake });

  document.addEventListener("click", ({ target }) => {
    const frame = target.closest?.("[data-consentgate-once]")?.closest(BOX)?.nextElementSibling;
    if (frame?.matches(FRAMES)) safely(wakeFrame, frame);
  });
  wake();

  const answerOf = (form, { value: answer }) => {
    const allow = {};
    let from;
    for (const [name, value] of new FormData(form)) {
      if (name === "from") from = value;
      if (name.startsWith("allow-")) allow[name.slice(6)] = value === "yes";
    }
    return /save|allow/.test(answer) ? { answer, from, allow } : { answer, from };
  };

  const post = async (form, answer) => {
    const response = await fetch(here(form.dataset.consentgate), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(answer),
    });
    if (!response.ok) throw new Error(response.status);
    return response.json();
  };

  // What shows the choice in a page: it is got anew, and exchanged for what is there.
  const PARTS = "[data-consentgate-page], .consentgate-link";
  const renew = async () => {
    const parts = document.querySelectorAll(PARTS);
    if (!parts.length) return;
    const address = new URL(location.href);
    if (parts[0].matches("[data-consentgate-page]")) address.searchParams.set("saved", "1");
    const renewed = parsed(await (await fetch(address)).text()).querySelectorAll(PARTS);
    if (renewed.length !== parts.length) throw new Error("another page");
    parts.forEach((part, place) => {
      const focused = part.contains(document.activeElement);
      part.replaceWith(renewed[place]);
      if (focused) renewed[place].querySelector("#consentgate-status, a").focus();
    });
  };

  const show = (state) => {
    // A page of ours has a status of its own, which takes the focus.
    if (!document.querySelector("[data-consentgate-page]")) {
      // Who exchanges the body, exchanges it with all that is in it.
      if (!announcer.isConnected) document.body.append(announcer);
      announcer.lang = state.language;
      announcer.textContent = state.status.join(" ");
    }
    document.querySelectorAll("[data-consentgate-banner]").forEach((banner) => banner.remove());
    return renew();
  };

  const byItself = (form, submitter) => {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = submitter.name;
    field.value = submitter.value;
    form.append(field);
    form.submit();
  };

  const take = async (form, submitter, answer) => {
    let state;
    try {
      state = await post(form, answer);
    } catch {
      byItself(form, submitter);
      return;
    }
    allowed = state.allowed;
    const detail = { allowed, answered: state.answered, scripts: state.scripts };
    document.dispatchEvent(new CustomEvent("consentgate:change", { bubbles: true, detail }));
    reloads = true;
    wake();
    await show(state).catch(reload);
  };

  // A page that was kept for the way back has the policy of the choice that held then.
  const check = async () => {
    const response = await fetch(address("choice.json"));
    if (!response.ok) return;
    const state = await response.json();
    if (state.needed && `${state.allowed}` !== `${allowed}`) reload();
  };
  addEventListener("pageshow", ({ persisted }) => persisted && check().catch(() => {}));

  // One after the other: what was pressed last is what holds.
  let last = Promise.resolve();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const submitter = event.submitter;
    if (!form.dataset?.consentgate || !submitter || event.defaultPrevented) return;
    event.preventDefault();
    const answer = answerOf(form, submitter);
    last = last.then(() => take(form, submitter, answer));
  });
})();
