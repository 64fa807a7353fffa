// nodemailer: CRLF, and it leaves it to sendmail to remove Bcc. Exits 3 when sendmail fails.
const nodemailer = require('nodemailer');
const [to, subject, newline] = process.argv.slice(2);
const options = { sendmail: true, ...(newline ? { newline } : {}) };

nodemailer.createTransport(options).sendMail({
  from: 'Alice <alice@example.net>', to, bcc: 'hidden@example.org', subject,
  text: 'first\n.\ncaf\u00e9\n',
}).catch((error) => {
  console.log(error.message);
  process.exitCode = 3;
});
