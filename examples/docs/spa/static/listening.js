const start = () => {
  if (window.consentgate.allows("statistics")) document.documentElement.dataset.counted = "yes";
};
start();
document.addEventListener("consentgate:change", start);
