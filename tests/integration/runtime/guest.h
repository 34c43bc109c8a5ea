/* What tests run inside a workspace. Private to roost-test-guest. */
#ifndef ROOST_TESTS_INTEGRATION_RUNTIME_GUEST_H
#define ROOST_TESTS_INTEGRATION_RUNTIME_GUEST_H

/* Connects within a second and a half; 0 when that worked. `address` is IPv4 or IPv6, with %scope. */
int guest_connect(const char *address, const char *port);

/* Attacks; each returns the program's exit code. */
int attack_secrets(char *argument); /* overwrites it */
int attack_forks(void);
int attack_disk(const char *folder);
int attack_memory(void);
int attack_kernel(void);
int attack_spoof(const char *source, const char *target, const char *port);

#endif
