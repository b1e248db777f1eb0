/* Passkeys: asks the browser for one, puts its answer into the form, and sends the form. Without it the form stays hidden. */
"use strict";
(function () {
  var forms = document.querySelectorAll("form[data-passkey]");
  if (!window.PublicKeyCredential || !navigator.credentials) {
    document.querySelectorAll(".passkey-unable").forEach(function (one) { one.hidden = false; });
    return;
  }
  function octets(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (sign) { return sign.charCodeAt(0); });
  }
  function text(buffer) {
    var plain = "";
    new Uint8Array(buffer).forEach(function (octet) { plain += String.fromCharCode(octet); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function named(list) {
    return (list || []).map(function (one) { return Object.assign({}, one, { id: octets(one.id) }); });
  }
  function asked(options) {
    options.challenge = octets(options.challenge);
    if (options.user) { options.user.id = octets(options.user.id); }
    if (options.excludeCredentials) { options.excludeCredentials = named(options.excludeCredentials); }
    if (options.allowCredentials) { options.allowCredentials = named(options.allowCredentials); }
    return { publicKey: options };
  }
  function answer(credential) {
    var from = credential.response;
    var response = { clientDataJSON: text(from.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (from[name]) { response[name] = text(from[name]); }
    });
    if (from.getTransports) { response.transports = from.getTransports(); }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: response });
  }
  forms.forEach(function (form) {
    var fault = form.querySelector(".passkey-fault");
    form.hidden = false;
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      fault.hidden = true;
      navigator.credentials[form.dataset.passkey](asked(JSON.parse(form.dataset.options))).then(function (credential) {
        form.elements.credential.value = answer(credential);
        form.submit();
      }).catch(function () { fault.hidden = false; });
    });
  });
})();
