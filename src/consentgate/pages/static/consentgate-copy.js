// consentgate: the button beside the number of a choice copies it. The page may get a new part, with
// another number in it, after an answer: so nothing here holds on to an element.
(() => {
  const BUTTON = "[data-consentgate-copy]";
  const show = () =>
    document.querySelectorAll(BUTTON).forEach((button) => (button.hidden = false));
  show();
  new MutationObserver(show).observe(document.body, { childList: true, subtree: true });

  const copies = async (number) => {
    try {
      await navigator.clipboard.writeText(number.textContent);
      return true;
    } catch {
      // On plain http browsers have no clipboard, and elsewhere they may refuse it.
      getSelection().selectAllChildren(number);
      return document.execCommand("copy");
    }
  };
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.(BUTTON);
    if (!button) return;
    const part = button.closest(".consentgate-proof");
    const status = part.querySelector("[role=status]");
    // What is said twice is read aloud twice only if it was gone between.
    status.textContent = "";
    const { copied, selected } = button.dataset;
    status.textContent = (await copies(part.querySelector("code"))) ? copied : selected;
  });
})();
