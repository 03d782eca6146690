// What the guard says of scripts that write without asking.
const heard = document.getElementById("heard");
document.addEventListener("consentgate:refused", ({ detail }) => {
  if (detail.enforced) heard.textContent = heard.dataset.refused;
});
heard.textContent = heard.dataset.written;

// Unasked, as careless scripts do.
document.cookie = "clicks_js=1; path=/; max-age=31536000";

// What scripts are told that ask.
const told = document.getElementById("told");
told.textContent = `consentgate.allows("statistics") = ${window.consentgate.allows("statistics")}`;
told.parentElement.hidden = false;

// The table is the server's: a new choice is worth a new page here.
document.addEventListener("consentgate:change", () => location.reload());
