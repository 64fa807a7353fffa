/* libsecret, loaded when it is needed, in a child that ends with its answer: loading it costs every
 * run milliseconds, and GLib ends the process when an allocation fails. Only for secret_keyring.c.
 */
#pragma once

#include <libsecret/secret.h>
#include <stdbool.h>

/* What is used of the library, and of GLib below it. */
struct library {
	__typeof__(g_hash_table_new) *hash_new;
	__typeof__(g_hash_table_insert) *hash_insert;
	__typeof__(g_hash_table_lookup) *hash_lookup;
	__typeof__(g_str_hash) *str_hash;
	__typeof__(g_str_equal) *str_equal;
	__typeof__(g_type_check_instance_is_a) *is_a;
	__typeof__(secret_password_searchv_sync) *search;
	__typeof__(secret_password_storev_binary_sync) *store;
	__typeof__(secret_password_clearv_sync) *clear;
	__typeof__(secret_retrievable_retrieve_secret_sync) *retrieve;
	__typeof__(secret_retrievable_get_attributes) *attributes;
	__typeof__(secret_value_new) *value_new;
	__typeof__(secret_value_get) *value_get;
	__typeof__(secret_item_get_type) *item_type;
	__typeof__(secret_item_get_locked) *item_locked;
	__typeof__(secret_item_delete_sync) *item_delete;
	__typeof__(secret_service_get_sync) *service;
	__typeof__(secret_collection_for_alias_sync) *collection;
	__typeof__(secret_collection_get_locked) *collection_locked;
};

/* Tells the parent why there is no answer, by descriptor SAY; it hears of the exit status in any
 * case. */
void keyring_complain(int say, const char *text);
/* Finds the session bus, also where the environment does not name it, as from cron. False when
 * there is none: without an address GLib would start a bus of its own, where nothing is stored. */
bool keyring_find_bus(int say);
bool keyring_load(struct library *l, int say);
/* True iff libsecret keeps its items in a file of its own, without a service. */
bool keyring_is_file(void);
