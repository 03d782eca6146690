document.addEventListener("consentgate:refused", (event) => {
  const { name, enforced } = event.detail;
  console.info(enforced ? "refused:" : "would be refused:", name);
});
