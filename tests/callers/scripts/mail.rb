# Ruby's mail. Version 2.7 does not look at the status of sendmail.
require 'mail'

Mail.defaults { delivery_method :sendmail }
Mail.deliver do
  from 'alice@example.net'
  to 'Bob <bob@example.org>'
  bcc 'hidden@example.org'
  subject 'call_ruby'
  body "first\n.\nlast\n"
end
