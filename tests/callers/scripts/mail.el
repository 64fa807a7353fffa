;; sendmail.el and message.el, both of which take any output for a failure.
(require 'message)
(require 'sendmail)
(setq user-full-name "Alice Example"
      user-mail-address "alice@example.net"
      send-mail-function #'sendmail-send-it
      message-send-mail-function #'message-send-mail-with-sendmail
      mail-interactive t
      message-interactive t
      message-kill-buffer-on-exit t
      mail-specify-envelope-from t
      message-sendmail-envelope-from 'header
      mail-envelope-from 'header)

(defun fill-and-send (how)
  "Write a message into the current buffer, and send it by HOW."
  (mail-position-on-field "Bcc")
  (insert "hidden@example.org")
  (goto-char (point-max))
  (insert "first\n.\ncafé\n")
  (funcall how))

(pcase (pop command-line-args-left)
  ("sendmail"
   (mail nil "bob@example.org" "call_emacs_sendmail")
   (fill-and-send #'mail-send))
  ("message"
   (message-mail "Bob <bob@example.org>" "call_emacs_message")
   (fill-and-send #'message-send))
  ("refused"
   (mail nil "permfail@example.org" "call_emacs_refused")
   (fill-and-send #'mail-send)))
