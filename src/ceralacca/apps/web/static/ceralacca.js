/* What pages do beyond htmx; everything works without it. */
"use strict";
(function () {
  // Folders are folded on a phone, where they would push the list off the screen.
  if (window.matchMedia("(max-width: 768px)").matches) {
    document.querySelectorAll("details.side").forEach(function (one) { one.removeAttribute("open"); });
  }
  // A list that renews itself must not lose what was ticked: it waits while anything is.
  document.addEventListener("htmx:beforeRequest", function (event) {
    var list = event.target;
    if (list.id === "rows" && list.querySelector("input[name=uid]:checked, select:focus, button:focus, a:focus")) {
      event.preventDefault();
    }
  });
})();
