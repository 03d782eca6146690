/* consentgate: answers without a reload. Without this script every form works by itself.

   window.consentgate.allows("statistics")   tells whether a category is allowed
   document.addEventListener("consentgate:change", event => event.detail.allowed)   hears of a new choice */
(() => {
  "use strict";
  if (window.consentgate?.allows) return;
  let allowed = (document.currentScript.dataset.allowed || "").split(" ");
  window.consentgate = Object.freeze({ allows: (name) => allowed.includes(name) });

  // What is said in it is read aloud: it has to be there before.
  const announcer = document.createElement("div");
  announcer.className = "consentgate consentgate-announcer";
  announcer.setAttribute("role", "status");
  document.body.append(announcer);

  const answerOf = (form, submitter) => {
    const answer = submitter.value;
    if (answer !== "save") return { answer };
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
    await show(state).catch(() => location.reload());
  };

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
