/* cmocka with the headers that it wants before itself. */
#ifndef ROOST_TESTS_UNIT_CMOCKA_ALL_H
#define ROOST_TESTS_UNIT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
