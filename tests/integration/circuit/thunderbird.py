"""A real Thunderbird without a screen, driven over Marionette, the remote control that Mozilla's own tests use."""

import json
import os
import signal
import socket
import subprocess
import time

_START_SECONDS = 120
_QUIET = """
user_pref("marionette.port", 0);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mailnews.start_page.enabled", false);
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.proxy.type", 0);
"""
_PROFILE = ".thunderbird/pec"
# What a person does: types the password when it is asked for, looks at folders, writes, sends.
_KEEP_PASSWORD = """
for (const scheme of ["imap", "smtp"]) {
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init(`${scheme}://localhost`, null, `${scheme}://localhost`, a0, a1, "", "");
  await Services.logins.addLoginAsync(login);
}
"""
_HEAD = """
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const account = MailServices.accounts.accounts.find(one => one.incomingServer.type == "imap");
const server = account.incomingServer, root = server.rootFolder, flags = Ci.nsMsgFolderFlags;
const pause = () => new Promise(yes => setTimeout(yes, 100));
"""
_OPEN = """
const inbox = root.getFolderWithFlags(flags.Inbox).QueryInterface(Ci.nsIMsgImapMailFolder);
const code = await new Promise(yes => inbox.updateFolderWithListener(null, {
  QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
  OnStartRunningUrl() {}, OnStopRunningUrl(url, status) { yes(status); },
}));
if (code) return code;
server.performExpand(null);
while (!root.getFolderWithFlags(flags.SentMail)) await pause();
return 0;
"""
_FOLDERS = """
const uses = {SentMail: flags.SentMail, Drafts: flags.Drafts, Trash: flags.Trash, Archive: flags.Archive};
const named = () => Object.entries(uses).map(([use, flag]) => [use, root.getFolderWithFlags(flag)?.name ?? ""]);
while (named().some(([, name]) => !name)) await pause();
return Object.fromEntries(named());
"""
_SEND = """
const identity = account.defaultIdentity;
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
[fields.from, fields.to, fields.subject] = [identity.email, a0, a1];
let sent;  // while the list of folders is read anew it may be missing
while (!(sent = root.getFolderWithFlags(flags.SentMail))) await pause();
fields.fcc = sent.URI;
const send = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
const status = await new Promise(yes => send.createAndSendMessage(
  null, identity, account.key, fields, false, false, Ci.nsIMsgSend.nsMsgDeliverNow, null, "text/plain", a2, null, null,
  {
    QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
    onStartSending() {}, onProgress() {}, onStatus() {}, onGetDraftFolderURI() {}, onStartCopy() {}, setMessageKey() {},
    getMessageId() {}, onSendNotPerformed(id, code) { yes(code); }, onTransportSecurityError(id, code) { yes(code); },
    onStopSending(id, code) { if (code) yes(code); }, onStopCopy(code) { yes(code); },
  }, "", "", Ci.nsIMsgCompType.New));
return [status, fields.messageId];
"""
_SUBJECTS = """
const inbox = root.getFolderWithFlags(flags.Inbox);
const found = () => [...inbox.messages].map(one => one.mime2DecodedSubject).filter(one => one.includes(a0));
while (found().length < a1) { server.getNewMessages(inbox, null, null); await pause(); }
return found();
"""
_READ_CONFIGURATION = """
const {readFromXML} = ChromeUtils.importESModule("resource:///modules/accountcreation/readFromXML.sys.mjs");
const {JXON} = ChromeUtils.importESModule("resource:///modules/JXON.sys.mjs");
const read = readFromXML(JXON.build(new DOMParser().parseFromString(a0, "text/xml")), "test");
return [read.incoming, ...read.incomingAlternatives, read.outgoing].map(
  one => [one.type, one.hostname, one.port, one.socketType, one.auth, one.username]);
"""


class Thunderbird:
    """Thunderbird on a desk, set up with the preferences of the page; use it in a `with`."""

    def __init__(self, desk):
        self._desk, self._number, self._connection = desk, 0, None

    def __enter__(self):
        desk, profile = self._desk, self._desk.home / _PROFILE
        # The password is asked for in a dialog when the program starts; we give it a moment later.
        desk.set_up("Thunderbird", ('login_at_startup", true', 'login_at_startup", false'))
        desk.write(f"{_PROFILE}/user.js", (profile / "user.js").read_text() + _QUIET)
        desk.run(f"certutil -N -d sql:{profile} --empty-password")
        desk.run(f"certutil -A -d sql:{profile} -n pec -t C,, -i authority.pem")
        command = ["thunderbird", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
        with (desk.home / "said").open("wb") as said:
            self._process = subprocess.Popen(
                [*command, "--profile", str(profile)], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                env={**desk.environment(), "XDG_RUNTIME_DIR": str(desk.home)}, start_new_session=True, cwd=desk.home,
                **desk.as_nobody(),
            )  # fmt: skip
        try:
            self._connect(profile / "MarionetteActivePort")
            self.run(_KEEP_PASSWORD, desk.address.text, desk.password)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._connection is not None:
            self._connection.close()
        for way in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, way)
                self._process.wait(20)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
            break

    # -- what a person does --------------------------------------------------------------------------

    def open(self):
        """Open the inbox and find the other folders; return 0, or the code of what went wrong."""
        return self.run(_HEAD + _OPEN)

    def folders(self):
        """Wait until all have names, and return these by the use that Thunderbird makes of the folders."""
        return self.run(_HEAD + _FOLDERS)

    def send(self, to, subject, text):
        """Send a message; return the code and the Message-ID. The copy goes to the folder for sent messages."""
        return self.run(_HEAD + _SEND, to, subject, text)

    def subjects(self, part, count):
        """Wait until so many messages of the inbox have this in their subject, and return their subjects."""
        return self.run(_HEAD + _SUBJECTS, part, count)

    def read_configuration(self, xml):
        """Return what its own reader makes of an autoconfig document."""
        return self.run(_READ_CONFIGURATION, xml)

    # -- Marionette ----------------------------------------------------------------------------------

    def _connect(self, told):
        until = time.monotonic() + _START_SECONDS
        while not told.exists() or not told.read_text().strip():
            assert self._process.poll() is None, (self._desk.home / "said").read_text()[-2000:]
            assert time.monotonic() < until, "Thunderbird does not start"
            time.sleep(0.1)
        self._connection = socket.create_connection(("127.0.0.1", int(told.read_text())), timeout=_START_SECONDS)
        self._receive()
        self._call("WebDriver:NewSession", {})
        self._call("WebDriver:SetTimeouts", {"script": 60_000})
        self._call("Marionette:SetContext", {"value": "chrome"})

    def run(self, script, *values):
        """Run a script with full rights; its values are a0, a1, ..."""
        names = ", ".join(f"a{number}" for number in range(len(values)))
        whole = (
            f"const [{names}] = arguments; const done = arguments[arguments.length - 1];"
            f"(async () => {{{script}}})().then(told => done({{told}}), fault => done({{fault: String(fault)}}));"
        )
        answer = self._call("WebDriver:ExecuteAsyncScript", {"script": whole, "args": list(values)})["value"]
        assert "fault" not in answer, answer
        return answer.get("told")

    def _call(self, command, parameters):
        self._number += 1
        octets = json.dumps([0, self._number, command, parameters]).encode()
        self._connection.sendall(b"%d:%b" % (len(octets), octets))
        _, _, fault, answer = self._receive()
        assert fault is None, fault
        return answer

    def _receive(self):
        length = b""
        while not length.endswith(b":"):
            length += self._connection.recv(1) or b":"
        octets = b""
        while len(octets) < int(length[:-1]):
            octets += self._connection.recv(65536)
        return json.loads(octets)
