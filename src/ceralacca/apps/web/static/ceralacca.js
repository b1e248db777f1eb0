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

  // Writing: files that were uploaded with the draft must not be uploaded again; the bar shows how far it is.
  var upload = document.getElementById("upload");
  var chosen = document.getElementById("new_file");
  var drop = document.getElementById("drop");
  var writing = document.getElementById("writing");
  var underWay = 0;
  var waiting = null;
  var leaving = false;
  var sent = [];
  function isDraft(event) { return event.detail.requestConfig && event.detail.requestConfig.path === "/write/draft"; }
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (isDraft(event)) {
      if (leaving) { event.preventDefault(); return; }
      underWay += 1;
      sent = chosen ? Array.prototype.slice.call(chosen.files) : [];
    }
  });
  document.addEventListener("htmx:xhr:progress", function (event) {
    if (upload && sent.length && event.detail.lengthComputable) {
      upload.hidden = false;
      upload.value = Math.round(100 * event.detail.loaded / event.detail.total);
    }
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    // The part of the page that asked is gone by now: the event comes from what it lay in.
    if (isDraft(event)) {
      underWay -= 1;
      if (upload) { upload.hidden = true; }
      if (event.detail.successful && chosen && sent.length && chosen.files.length === sent.length) { chosen.value = ""; }
      sent = [];
      if (waiting && !underWay) { writing.requestSubmit(waiting); }
    }
  });
  // Who sends while the draft is being saved waits for that: the draft has the files.
  if (writing) {
    writing.addEventListener("submit", function (event) {
      if (underWay) {
        event.preventDefault();
        waiting = event.submitter;
      } else {
        leaving = true;
      }
    });
  }
  if (drop && chosen) {
    ["dragover", "dragleave", "drop"].forEach(function (name) {
      drop.addEventListener(name, function (event) {
        event.preventDefault();
        drop.classList.toggle("over", name === "dragover");
        if (name === "drop" && event.dataTransfer.files.length) {
          chosen.files = event.dataTransfer.files;
          chosen.dispatchEvent(new Event("change", { bubbles: true }));
        }
      });
    });
  }
  // What is wrong is read out and seen first.
  var faults = document.getElementById("faults");
  if (faults) { faults.focus(); }
})();
