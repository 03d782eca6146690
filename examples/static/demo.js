// Unasked, as careless scripts do. The gate does not see it now, but with the next request.
document.cookie = "clicks_js=1; path=/; max-age=31536000";

// What scripts are told of the choice.
document.getElementById("told").textContent =
  `consentgate.allows("marketing") = ${window.consentgate.allows("marketing")}`;

// The table is the server's: a new choice is worth a new page here.
document.addEventListener("consentgate:change", () => location.reload());
