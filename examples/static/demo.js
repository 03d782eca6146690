// A script can put a cookie past the gate: the gate sees it with the next request.
document.getElementById("set").addEventListener("click", () => {
  document.cookie = "_ga_SCRIPT=1; path=/; max-age=86400";
  location.reload();
});

// What scripts are told of the choice.
document.getElementById("told").textContent =
  `consentgate.allows("marketing") = ${window.consentgate.allows("marketing")}`;

// The table is the server's: a new choice is worth a new page here.
document.addEventListener("consentgate:change", () => location.reload());
