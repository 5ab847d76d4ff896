/* SPDX-License-Identifier: MIT */
/*
 * The replica in small: a source with a few revisions of two keys, a member of
 * etcd that keeps a watch, the kernel with the copy, and the agent, which is
 * killed and stopped anywhere. Points 2, 5, 7 and 10 of docs/replica.md. Each
 * macro WITHOUT_... removes one rule, and spin must then find an error. Time is
 * in ticks, and counted no further than the bound. A variable that means nothing
 * is 0, so that states do not differ in it.
 */

#define LAST 2 /* the last revision of the source */
#define BOUND 3 /* max-stale */
#define ALLOWED 1 /* for a renewal */

/* ---- the source: what each revision has, and how long ago it was made */

byte revision = 0;
byte compacted = 0; /* what is before cannot be read */
byte one_at[LAST + 1], two_at[LAST + 1];
bool large[LAST + 1]; /* does not fit into a transaction */
byte age[LAST + 1];

/* ---- the database in the kernel; fresh and deadline are the ticks that are left */

byte one, two, position;
bool whole = false;
byte fresh = 0, deadline = 0;

/* ---- the watch, and the agent's memory */

mtype = { event, progress, canceled };
chan answers = [1] of { mtype, byte };
bool watching = false, requested = false;
byte sent; /* the last event of the watch */
byte owed; /* events that must precede the next answer */

bool killed = false;
bool connected = false;
bool known = false; /* the position's version is the one that the agent wrote last */
bool round = false, claimed = false;
byte round_age, round_revision, claimed_age, claimed_revision, proven_age, proven_revision;

/* What every reader relies on, at every instant. */
#define has_old(number) (number > revision || age[number] < BOUND || position >= number)
inline check() {
	assert(!whole || (one == one_at[position] && two == two_at[position]));
	assert(fresh == 0 || (whole && has_old(1) && has_old(2)))
}

inline grow(condition, what) {
	if
	:: (condition) && what < BOUND -> what++
	:: else
	fi
}

inline shrink(what) {
	if
	:: what > 0 -> what--
	:: else
	fi
}

active proctype clock() {
	do
	:: d_step {
		shrink(fresh);
		shrink(deadline);
		grow(revision >= 1, age[1]);
		grow(revision >= 2, age[2]);
		grow(round, round_age);
		grow(claimed, claimed_age);
		grow(proven_revision > 0, proven_age);
		check()
	}
	od
}

inline write(new_one, new_two, is_large) {
	revision++;
	one_at[revision] = new_one;
	two_at[revision] = new_two;
	large[revision] = is_large
}

active proctype writers() {
	do
	:: d_step { revision < LAST -> write(revision + 1, revision + 1, false) }
	:: d_step { revision == LAST - 1 -> write(0, LAST, true) }
	:: d_step { compacted < revision -> compacted++ }
	od
}

/* A member may lag behind, and older etcd lets an answer overtake events, but only up to the next answer. */
inline answer(number) {
	requested = false;
	owed = number;
	answers!progress, number
}

active proctype member() {
	do
	:: d_step {
		watching && sent < revision && sent < compacted && nfull(answers) ->
		watching = false; requested = false; sent = 0; owed = 0;
		answers!canceled, 0
	}
	:: d_step { watching && sent < revision && sent >= compacted && nfull(answers) -> sent++; answers!event, sent }
	:: d_step { watching && requested && sent >= owed && nfull(answers) -> answer(sent) }
	:: d_step { watching && requested && sent >= owed && sent < revision && nfull(answers) -> answer(sent + 1) }
	:: d_step { watching && requested && sent >= owed && sent + 1 < revision && nfull(answers) -> answer(sent + 2) }
	od
}

/* What ends with the agent's connection, or with the agent. */
inline forget() {
	watching = false; requested = false; sent = 0; owed = 0;
	connected = false; known = false; killed = false;
	round = false; round_age = 0; round_revision = 0;
	claimed = false; claimed_age = 0; claimed_revision = 0;
	proven_age = 0; proven_revision = 0;
	number = 0; left = 0; page = 0;
	do
	:: len(answers) > 0 -> answers?kind, number; number = 0
	:: len(answers) == 0 -> break
	od;
	kind = 0
}

active proctype faults() {
	if
	/* Ephemeral entries end with their session. */
	:: d_step { true -> killed = true; fresh = 0; deadline = 0 }
	/* An administrator clears the database. */
	:: d_step {
		true ->
		one = 0; two = 0; position = 0;
		whole = false; fresh = 0; deadline = 0;
		known = false
	}
	fi
}

/* Each transaction has the condition that the position is the one that the agent wrote last. */
#ifdef WITHOUT_CONDITION
#define IS_OURS true
#else
#define IS_OURS known
#endif

inline move(at) {
	assert(at >= position);
	position = at;
	whole = true
}

/* The data of a revision and the position: in one transaction, or in parts of which the position tells. */
inline apply(new_one, new_two, at, in_parts, is_snapshot) {
	if
	:: in_parts ->
		d_step {
			IS_OURS ->
#ifndef WITHOUT_PARTIAL
			whole = false;
			fresh = 0;
#endif
			one = new_one;
			check()
		}
	:: !(in_parts)
	fi;
#ifdef WITHOUT_ONE_TRANSACTION
	d_step { IS_OURS -> one = new_one; two = new_two; check() };
#endif
	d_step {
		IS_OURS ->
		one = new_one;
		two = new_two;
		move(at);
		if
		:: is_snapshot -> fresh = 0
		:: else
		fi;
		check()
	}
}

#ifdef WITHOUT_DEADLINE
#define IN_TIME true
#define LEFT (BOUND - proven_age)
#else
#define IN_TIME (deadline > 0)
#define LEFT (proven_age + ALLOWED < BOUND -> BOUND - ALLOWED - proven_age : 0)
#endif

inline renew() {
	d_step { IS_OURS -> deadline = ALLOWED };
	left = LEFT;
	d_step {
		IS_OURS ->
		if
		:: left > 0 && IN_TIME ->
			if
			:: proven_revision > position -> move(proven_revision)
			:: else
			fi;
			fresh = left;
			check()
		:: else
		fi;
		left = 0; deadline = 0;
		proven_age = 0; proven_revision = 0
	}
}

inline end_claim() { claimed = false; claimed_age = 0; claimed_revision = 0 }
inline end_round() { round = false; round_age = 0; round_revision = 0 }

active proctype agent() {
	mtype kind;
	byte number = 0, left = 0, page = 0;

	do
	:: {
		d_step { connected = true; known = true };
		if
		:: whole && position >= compacted
		:: else ->
			/* Pages, of which the first says the revision. */
			do
			:: d_step { number = revision; page = one_at[number] };
				if
				:: number >= compacted -> break
				:: else
				fi
			od;
			/* What differs may fit into a transaction or not. */
			if
			:: apply(page, two_at[number], number, false, true)
			:: apply(page, two_at[number], number, true, true)
			fi
		fi;
		d_step { number = 0; page = 0; watching = true; sent = position; owed = position };
		do
		:: d_step { !round -> round = true };
#ifndef WITHOUT_QUORUM
			/* A linearizable read. */
			round_revision = revision;
#endif
			requested = watching
		:: answers?kind, number;
			if
			:: kind == canceled -> break
			:: kind == event ->
				apply(one_at[number], two_at[number], number, large[number], false);
				d_step {
					if
					:: claimed && number <= claimed_revision -> end_claim()
					:: else
					fi;
					if
					:: round && number >= round_revision ->
						end_claim();
						proven_age = round_age; proven_revision = number;
						end_round()
					:: else
					fi;
					number = 0; kind = 0
				}
			:: kind == progress ->
				d_step {
					if
					:: round && number >= round_revision ->
#ifdef WITHOUT_CONFIRMATION
						proven_age = round_age; proven_revision = number;
#else
						if
						:: claimed -> proven_age = claimed_age; proven_revision = claimed_revision
						:: else
						fi;
#endif
						claimed = true; claimed_age = round_age; claimed_revision = number;
						end_round()
					:: else
					fi;
					number = 0; kind = 0
				}
			fi;
			if
			:: proven_revision > 0 -> renew()
			:: else
			fi
		/* Disconnected. */
		:: break
		od;
		atomic { forget() }
	} unless {
		if
		:: d_step { killed -> forget() }
#ifndef WITHOUT_CONDITION
		/* The transaction fails. */
		:: d_step { connected && !known -> forget() }
#endif
		fi
	}
	od
}
