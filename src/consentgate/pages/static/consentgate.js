/* consentgate: answers without a reload, and wakes what waits for consent. Without this script every
   form works by itself.

   window.consentgate.allows("statistics")   tells whether a category is allowed
   window.consentgate.wake()   looks once more for what waits: <script type="text/plain" data-consent="statistics">,
                               <iframe data-consent="marketing" data-src="..." title="...">
   document.addEventListener("consentgate:change", event => event.detail.allowed)   hears of a new choice */
(() => {
  "use strict";
  if (window.consentgate?.allows) return;
  const own = document.currentScript;
  let allowed = (own.dataset.allowed || "").split(" ");
  const allows = (name) => allowed.includes(name);

  // What is said in it is read aloud: it has to be there before.
  const announcer = document.createElement("div");
  announcer.className = "consentgate consentgate-announcer";
  announcer.setAttribute("role", "status");
  document.body.append(announcer);

  // A policy is fixed for the life of a page: what was allowed just now may not be in the gate's own.
  // What the app's policy forbids stays forbidden: it comes before, and is heard first.
  const helps = [];
  const GATES = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:";
  document.addEventListener("securitypolicyviolation", (event) => {
    const at = helps.findIndex(({ origin }) => `${event.blockedURI}/`.startsWith(`${origin}/`));
    if (event.disposition !== "enforce" || at < 0) return;
    const [{ help }] = helps.splice(at, 1);
    if (event.originalPolicy.startsWith(GATES)) help();
  });
  const address = (page, parameters) =>
    `${new URL(`../${page}`, own.src)}?${new URLSearchParams(parameters)}`;

  const SCRIPTS = "script[type='text/plain'][data-consent]";
  const FRAMES = "iframe[data-consent][data-src]";
  const BOX = "[data-consentgate-placeholder]";
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

  // Only in answer to a choice: a page that is loaded has the policy of the choice.
  let reloads = false;
  const wakeScript = (script) => {
    script.removeAttribute("data-consent"); // First: whatever comes of it, it waits no more.
    const woken = document.createElement("script");
    for (const { name, value } of script.attributes)
      if (!["type", "data-type", "data-consent", "data-src"].includes(name))
        woken.setAttribute(name, value);
    const { type, src } = script.dataset;
    if (type) woken.type = type;
    if (src) woken.src = src;
    woken.nonce = script.nonce; // Browsers hide it from the attributes.
    woken.async = script.hasAttribute("async"); // Else they run in the order of the page.
    woken.text = script.text;
    const { origin } = new URL(woken.src, document.baseURI);
    if (reloads && woken.src) helps.push({ origin, help: () => location.reload() });
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
    const { src } = frame.dataset;
    const box = boxOf(frame);
    const focused = box?.contains(document.activeElement);
    // Around it comes a frame of our own, which has a policy of its own.
    const { title, allow } = frame;
    frame.removeAttribute("data-consent");
    const { href, origin } = new URL(src, document.baseURI);
    const help = () => (frame.src = address("frame", { src: href, title, allow, once: 1 }));
    helps.push({ origin, help });
    frame.hidden = false;
    frame.src = src;
    box?.remove();
    if (focused) frame.focus();
  };

  // Without this script there is no way to allow something once.
  const offerOnce = () =>
    document.querySelectorAll("[data-consentgate-once]").forEach((button) => (button.hidden = false));

  // A frame that the page has written by itself: what stands in its place comes from the server.
  const showBox = async (frame) => {
    const { consent } = frame.dataset;
    const source = new URL(frame.dataset.src, document.baseURI);
    const src = source.origin === location.origin ? source.pathname + source.search : source.href;
    const { pathname, search } = location;
    const said = { src, category: consent, title: frame.title, back: pathname + search };
    const lang = document.documentElement.lang;
    const response = await fetch(address("placeholder", lang ? { ...said, lang } : said));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const box = page.querySelector(BOX);
    if (box && frame.dataset.consent && !boxOf(frame)) {
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
    const box = target.closest?.("[data-consentgate-once]")?.closest(BOX);
    if (box?.nextElementSibling?.dataset.src) safely(wakeFrame, box.nextElementSibling);
  });
  wake();

  const answerOf = (form, submitter) => {
    const answer = submitter.value;
    if (answer !== "save" && answer !== "allow") return { answer };
    const fields = [...new FormData(form)].filter(([name]) => name.startsWith("allow-"));
    return {
      answer,
      allow: Object.fromEntries(fields.map(([name, value]) => [name.slice(6), value === "yes"])),
    };
  };

  const post = async (form, answer) => {
    const response = await fetch(form.dataset.consentgate, {
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
    const text = await (await fetch(address)).text();
    const renewed = new DOMParser().parseFromString(text, "text/html").querySelectorAll(PARTS);
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
    await show(state).catch(() => location.reload());
  };

  // A page that was kept for the way back has the policy of the choice that held then.
  addEventListener("pageshow", async ({ persisted }) => {
    if (!persisted) return;
    const state = await (await fetch(address("choice.json"))).json();
    if (state.needed && `${state.allowed}` !== `${allowed}`) location.reload();
  });

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
