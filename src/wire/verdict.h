/* What a refusal means. The enhanced code decides before the basic code, the
 * stage before the class. */
#pragma once

#include "error.h"

/* The fault of a reply of class 4 or 5 at STAGE. Other classes are FAULT_PROTOCOL: a 2yz or 3yz
 * where it cannot stand. ENHANCED may be all zero. */
enum fault verdict(enum stage stage, int code, struct enhanced enhanced);
