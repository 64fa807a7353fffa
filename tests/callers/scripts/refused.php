<?php
// mail() must say false when the recipient is refused.
exit(@mail('permfail@example.org', 'call_php_refused', "body\n") ? 1 : 0);
