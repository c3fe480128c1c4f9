/* SPDX-License-Identifier: MIT */
/*
 * access.c - tokens that last, sign-in by one-time code, tokens of bots.
 *
 * Durable tokens are rows and live in memory as well; a token is usable once
 * its row is committed and dead the moment it is revoked in memory, before the
 * row is. Tokens of bots live in memory only and die with the bot's process.
 */
#include "hive/mail/mail.h"
#include "hive/nodes/nodes.h"

#include <string.h>

#include <sodium.h>

#include "core/token.h"

#define SESSION_SECONDS (12 * 3600)
#define LAST_USED_FLUSH_MS 60000
#define CODE_TTL_MAX 3600

struct op {
	deia_token_cb token_cb;
	deia_done_cb done_cb;
	void *user;
	char secret[DEIA_TOKEN_LEN + 1];
	char name[DEIA_MAX_NAME_BYTES + 1];
	struct deia__token token;
};

static void op_free(struct op *op)
{
	sodium_memzero(op->secret, sizeof(op->secret));
	deia__free(op);
}

static void fill_info(struct deia_token_info *info, const struct deia__token *t)
{
	info->id = t->id;
	info->name = t->name;
	info->role = t->role;
	info->kind = t->kind;
	info->created_unix_ms = t->created_ms;
	info->expires_unix_ms = t->expires_ms;
	info->last_used_unix_ms = t->last_used_ms;
	info->revoked = t->revoked;
}

void deia__token_row(struct deia_value *row, const struct deia__token *t)
{
	row[TOKEN_ID] = deia_text(t->id);
	row[TOKEN_HASH] = deia_text("");
	row[TOKEN_HASH].type = DEIA_BLOB;
	row[TOKEN_HASH].s = (const char *)t->hash;
	row[TOKEN_HASH].len = DEIA__HASH_BYTES;
	row[TOKEN_NAME] = deia_text(t->name);
	row[TOKEN_ROLE] = deia_text(deia_role_name(t->role));
	row[TOKEN_KIND] = deia_text(t->kind);
	row[TOKEN_CREATED] = deia_int(t->created_ms);
	row[TOKEN_EXPIRES] = deia_int(t->expires_ms);
	row[TOKEN_LAST_USED] = deia_int(t->last_used_ms);
	row[TOKEN_REVOKED] = deia_int(t->revoked);
}

/* A fresh secret and what is kept of it. */
static bool mint(char secret[static DEIA_TOKEN_LEN + 1], struct deia__token *t)
{
	if (deia__token_make(secret))
		return false;
	memcpy(t->id, secret + 5, DEIA_TOKEN_ID_LEN);
	t->id[DEIA_TOKEN_ID_LEN] = '\0';
	deia__secret_hash(t->hash, secret);
	t->created_ms = deia__unix_ms(NULL);
	return true;
}

/* Its row is durable, so it may have been read already (node_reread.c). */
static deia_err keep_token(deia_hive *h, const struct deia__token *t)
{
	deia_err err = deia__tokens_add(h->tokens, t);

	return err == DEIA_EEXIST && deia__nodes_shared(h) ? DEIA_OK : err;
}

/* ---- who is it ------------------------------------------------------------- */

deia_err deia_hive_authenticate(deia_hive *h, const char *token,
				struct deia_actor *actor)
{
	int64_t now = deia__unix_ms(NULL);
	struct deia__token *t = deia__tokens_check(h->tokens, token, now);

	if (!t)
		return deia__hive_fail(h, DEIA_EAUTH,
				       "this token is not valid (mistyped, "
				       "expired or revoked); `deia token "
				       "create` makes a new one");
	t->last_used_ms = now;
	t->dirty = true;
	memset(actor->name, 0, sizeof(actor->name));
	memcpy(actor->name, t->name,
	       deia__utf8_whole(t->name,
				strnlen(t->name, sizeof(actor->name) - 1)));
	memcpy(actor->token_id, t->id, sizeof(t->id));
	actor->role = t->role;
	return DEIA_OK;
}

bool deia__bot_token(deia_hive *h, struct deia__hbot *b, char *secret)
{
	struct deia__token t = {
		.name = b->id,
		.role = DEIA_ROLE_BOT,
		.kind = deia__token_kind("bot"),
	};

	if (b->token_id[0])
		deia__tokens_remove(h->tokens, b->token_id);
	b->token_id[0] = '\0';
	if (!mint(secret, &t) || deia__tokens_add(h->tokens, &t)) {
		secret[0] = '\0';
		return false;
	}
	memcpy(b->token_id, t.id, sizeof(t.id));
	return true;
}

/* ---- programs of external bots --------------------------------------------- */

static const char *external(void)
{
	return deia__token_kind("external");
}

bool deia__external_token(struct deia__change *c, const char *bot,
			  struct deia__external_token *x)
{
	struct deia_value row[TOKEN_COLUMNS];
	struct deia__token t = {
		.name = (char *)(uintptr_t)bot, /* borrowed for the row */
		.role = DEIA_ROLE_BOT,
		.kind = external(),
	};

	if (!mint(x->secret, &t))
		return false;
	deia__token_row(row, &t);
	deia_txn_insert(deia__change_txn(c), &deia__table_tokens, row);
	deia__change_notify(c, DEIA__TOPIC_TOKENS, t.id);
	x->token = t;
	x->token.name = NULL;
	return true;
}

deia_err deia__external_token_add(deia_hive *h, const char *bot,
				  const struct deia__external_token *x)
{
	struct deia__token t = x->token;
	deia_err err;

	t.name = (char *)(uintptr_t)bot; /* copied */
	err = keep_token(h, &t);
	if (err)
		deia__hive_fail(h, err, "the token cannot be kept: %s",
				deia_err_text(err));
	return err;
}

struct of_bot {
	const char *bot;
	struct deia__change *change; /* or NULL: only looked for */
	char id[DEIA_TOKEN_ID_LEN + 1];
};

static void note_of_bot(struct deia__token *t, void *user)
{
	struct of_bot *o = user;
	struct deia_value key = deia_text(t->id);

	if (t->kind != external() || strcmp(t->name, o->bot) != 0)
		return;
	memcpy(o->id, t->id, sizeof(o->id));
	if (!o->change)
		return;
	deia_txn_delete(deia__change_txn(o->change), &deia__table_tokens, &key);
	deia__change_notify(o->change, DEIA__TOPIC_TOKENS, t->id);
}

void deia__external_tokens_delete(deia_hive *h, struct deia__change *c,
				  const char *bot)
{
	struct of_bot o = { .bot = bot, .change = c };

	deia__tokens_each(h->tokens, note_of_bot, &o);
}

void deia__external_tokens_forget(deia_hive *h, const char *bot)
{
	struct of_bot o = { .bot = bot };

	do {
		o.id[0] = '\0';
		deia__tokens_each(h->tokens, note_of_bot, &o);
		if (o.id[0])
			deia__tokens_remove(h->tokens, o.id);
	} while (o.id[0]);
}

/* The name of an external bot that there is. */
static bool is_external_bot(const deia_hive *h, const char *name)
{
	const struct deia_bot_info *info = deia__bot_info(h, name);

	return info && strcmp(info->spec->adapter, "external") == 0;
}

/* ---- making and revoking ------------------------------------------------------ */

static void on_token_durable(deia_hive *h, deia_err err, const int64_t *seqs,
			     size_t n_seqs, void *arg)
{
	struct op *op = arg;
	struct deia_token_info info;

	(void)seqs;
	(void)n_seqs;
	if (!err) {
		err = keep_token(h, &op->token);
		if (err)
			deia__hive_fail(h, err, "the token cannot be kept: %s",
					deia_err_text(err));
	}
	fill_info(&info, &op->token);
	if (op->token_cb)
		op->token_cb(err, err ? NULL : op->secret, err ? NULL : &info,
			     op->user);
	op_free(op);
}

static deia_err issue(deia_hive *h, const struct deia_actor *actor,
		      const char *name, deia_role role, const char *kind,
		      int64_t ttl_seconds, deia_token_cb cb, void *user)
{
	struct op *op = deia__alloc(sizeof(*op));
	struct deia_value row[TOKEN_COLUMNS];
	struct deia__change *c;
	deia_err err;

	if (!op)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	op->token_cb = cb;
	op->user = user;
	memcpy(op->name, name, strlen(name) + 1);
	op->token.name = op->name;
	op->token.role = role;
	op->token.kind = deia__token_kind(kind);
	if (!mint(op->secret, &op->token)) {
		op_free(op);
		return deia__hive_fail(h, DEIA_EIO,
				       "the kernel gives no randomness");
	}
	if (ttl_seconds)
		op->token.expires_ms =
			op->token.created_ms + ttl_seconds * 1000;
	deia__token_row(row, &op->token);
	c = deia__change_new(h);
	deia_txn_insert(deia__change_txn(c), &deia__table_tokens, row);
	deia__change_notify(c, DEIA__TOPIC_TOKENS, op->token.id);
	deia__change_audit(c, actor,
			   op->token.kind == deia__token_kind("session")
				   ? "auth.login"
				   : "token.create",
			   op->token.id, DEIA_OK);
	err = deia__change_commit(c, h, on_token_durable, op);
	if (err)
		op_free(op);
	return err;
}

deia_err deia_hive_token_create(deia_hive *h, const struct deia_actor *actor,
				const char *name, deia_role role,
				int64_t ttl_seconds, deia_token_cb cb,
				void *user)
{
	size_t len = name ? strlen(name) : 0;

	if (!len || len > DEIA_MAX_NAME_BYTES)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "name: give the token a name of 1 to %d "
				       "bytes",
				       DEIA_MAX_NAME_BYTES);
	if (role == DEIA_ROLE_BOT && !is_external_bot(h, name))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "name: a token of role bot bears the id "
				       "of an external bot");
	if (role < DEIA_ROLE_BOT || role >= DEIA_ROLES)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "role: viewer, operator, admin or bot");
	if (ttl_seconds < 0 || ttl_seconds > INT64_C(315360000))
		return deia__hive_fail(h, DEIA_EINVAL,
				       "ttl_seconds: 0 (no end) to 315360000 "
				       "(ten years)");
	return issue(h, actor, name, role,
		     role == DEIA_ROLE_BOT ? "external" : "token", ttl_seconds,
		     cb, user);
}

static void on_revoked(deia_hive *h, deia_err err, const int64_t *seqs,
		       size_t n_seqs, void *arg)
{
	struct op *op = arg;

	(void)h;
	(void)seqs;
	(void)n_seqs;
	if (op->done_cb)
		op->done_cb(err, op->user);
	op_free(op);
}

deia_err deia_hive_token_revoke(deia_hive *h, const struct deia_actor *actor,
				const char *id, deia_done_cb cb, void *user)
{
	struct deia__token *t = id ? deia__tokens_get(h->tokens, id) : NULL;
	struct deia_set set = { TOKEN_REVOKED, deia_int(1) };
	struct deia_value key;
	struct deia__change *c;
	struct op *op;
	deia_err err;

	if (!t || t->kind == deia__token_kind("bot"))
		return deia__hive_fail(h, DEIA_ENOTFOUND,
				       "there is no token \"%.8s\"; `deia "
				       "token list` shows those there are",
				       id ? id : "");
	op = deia__alloc(sizeof(*op));
	if (!op)
		return deia__hive_fail(h, DEIA_ENOMEM, "out of memory");
	op->done_cb = cb;
	op->user = user;
	key = deia_text(t->id);
	c = deia__change_new(h);
	deia_txn_update(deia__change_txn(c), &deia__table_tokens, &key, &set, 1,
			NULL);
	deia__change_notify(c, DEIA__TOPIC_TOKENS, t->id);
	deia__change_audit(c, actor, "token.revoke", t->id, DEIA_OK);
	err = deia__change_commit(c, h, on_revoked, op);
	if (err) {
		op_free(op);
		return err;
	}
	t->revoked = true;
	deia__claims_end_refused(h);
	deia__mail_end_refused(h);
	return DEIA_OK;
}

size_t deia_hive_token_list(const deia_hive *h, const char *after,
			    struct deia_token_info *out, size_t max)
{
	const struct deia__token *items[64];
	size_t n = 0;

	while (n < max) {
		size_t want = max - n < 64 ? max - n : 64;
		size_t got = deia__tokens_list(h->tokens, after, items, want);

		for (size_t i = 0; i < got; i++)
			fill_info(&out[n++], items[i]);
		if (got < want)
			break;
		after = items[got - 1]->id;
	}
	return n;
}

/* ---- signing in ------------------------------------------------------------------ */

deia_err deia_hive_code_create(deia_hive *h, const struct deia_actor *actor,
			       deia_role role, unsigned ttl_seconds, char *code,
			       size_t code_len)
{
	deia_err err;

	if (code_len < DEIA__CODE_LEN + 1)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "code_len: at least %d bytes",
				       DEIA__CODE_LEN + 1);
	if (role <= DEIA_ROLE_BOT || role >= DEIA_ROLES || role > actor->role)
		return deia__hive_fail(h, DEIA_EINVAL,
				       "role: viewer, operator or admin, not "
				       "above your own");
	if (!ttl_seconds || ttl_seconds > CODE_TTL_MAX)
		return deia__hive_fail(h, DEIA_EINVAL, "ttl_seconds: 1 to %d",
				       CODE_TTL_MAX);
	err = deia__codes_make(&h->codes, role, deia__timers_now(h->timers),
			       (int64_t)ttl_seconds * 1000, code);
	if (err)
		return deia__hive_fail(h, err,
				       "the kernel gives no randomness");
	deia_hive_audit(h, actor, "auth.code", deia_role_name(role), DEIA_OK);
	return DEIA_OK;
}

deia_err deia_hive_login(deia_hive *h, const char *code, const char *address,
			 deia_token_cb cb, void *user)
{
	struct deia_actor actor = { .name = "sign-in" };
	deia_role role;
	deia_err err = deia__codes_use(&h->codes, code, address,
				       deia__timers_now(h->timers), &role);

	if (address)
		memccpy(actor.address, address, 0, sizeof(actor.address) - 1);
	if (err == DEIA_EBUSY)
		return deia__hive_fail(h, err,
				       "too many wrong codes from this "
				       "address; wait five minutes");
	deia__cache_login_tried(h, address, err == DEIA_OK);
	if (err) {
		deia_hive_audit(h, &actor, "auth.login", "", DEIA_EAUTH);
		return deia__hive_fail(h, err,
				       "this code is wrong, used or too old; "
				       "`deia login --link` makes a new one");
	}
	actor.role = role;
	return issue(h, &actor, deia_role_name(role), role, "session",
		     SESSION_SECONDS, cb, user);
}

/* ---- last used --------------------------------------------------------------------- */

struct flush {
	struct deia__change *change;
	unsigned n;
};

static void flush_one(struct deia__token *t, void *user)
{
	struct flush *f = user;
	struct deia_value key = deia_text(t->id);
	struct deia_set set = { TOKEN_LAST_USED, deia_int(t->last_used_ms) };

	if (!t->dirty || f->n >= 1000)
		return;
	t->dirty = false;
	if (t->kind == deia__token_kind("bot"))
		return;
	f->n++;
	deia_txn_update(deia__change_txn(f->change), &deia__table_tokens, &key,
			&set, 1, NULL);
}

static void flush_last_used(void *arg)
{
	deia_hive *h = arg;
	struct flush f = { deia__change_new(h), 0 };

	if (f.change)
		deia__tokens_each(h->tokens, flush_one, &f);
	if (f.change && !f.n)
		deia__change_drop(f.change);
	else if (deia__change_commit(f.change, h, NULL, NULL))
		deia__hive_log(h, DEIA_LOG_WARN,
			       "times of last use are not stored: %s",
			       h->msg.text);
	deia__access_timers(h);
}

void deia__access_timers(deia_hive *h)
{
	h->last_used_timer.fn = flush_last_used;
	h->last_used_timer.arg = h;
	if (deia__timer_set(h->timers, &h->last_used_timer, LAST_USED_FLUSH_MS))
		deia__hive_log(h, DEIA_LOG_WARN, "out of memory");
}
