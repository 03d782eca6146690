/* consentgate: answers without a reload. Without this script every form works by itself.

   window.consentgate.allows("statistics")   tells whether a category is allowed
   document.addEventListener("consentgate:change", event => event.detail.allowed)   hears of a new choice */
(() => {
  "use strict";
  if (window.consentgate) return;
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

  const post = async (form, submitter) => {
    const response = await fetch(form.dataset.consentgate, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(answerOf(form, submitter)),
    });
    if (!response.ok) throw new Error(response.status);
    return response.json();
  };

  // One of the pages shows the choice in many places: it is got anew, and the part of it exchanged.
  const renew = async (page) => {
    const address = new URL(location.href);
    address.searchParams.set("saved", "1");
    const text = await (await fetch(address)).text();
    const renewed = new DOMParser().parseFromString(text, "text/html");
    page.replaceWith(renewed.querySelector("[data-consentgate-page]"));
    document.getElementById("consentgate-status").focus();
  };

  const show = async (form, state) => {
    const page = form.closest("[data-consentgate-page]");
    if (page) return renew(page);
    announcer.lang = state.language;
    announcer.textContent = state.status.join(" ");
    (form.closest("[data-consentgate-banner]") || form).remove();
  };

  const byItself = (form, submitter) => {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = submitter.name;
    field.value = submitter.value;
    form.append(field);
    form.submit();
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const submitter = event.submitter;
    if (!form.dataset.consentgate || !submitter || event.defaultPrevented) return;
    event.preventDefault();
    let state;
    try {
      state = await post(form, submitter);
    } catch {
      byItself(form, submitter);
      return;
    }
    allowed = state.allowed;
    const detail = { allowed, answered: state.answered };
    document.dispatchEvent(new CustomEvent("consentgate:change", { bubbles: true, detail }));
    show(form, state).catch(() => location.reload());
  });
})();
