/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/trust_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "core/crypto_certificate.h"
#include "core/file.h"
#include "core/own.h"

/* TPM2B_DIGEST: the largest secret. */
#define SECRET_MAX 64

static int add_file(struct trust *trust, const char *path, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;

	return file_open(path, &file, err) < 0 ||
			       trust_add(trust, file_bytes(file), file_name(file), err) < 0
		       ? -1
		       : 0;
}

static int is_authority(const struct dirent *entry)
{
	static const char *const endings[] = { ".pem", ".crt", ".cer", ".der", ".crl" };
	const char *dot = strrchr(entry->d_name, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(endings); i++)
		if (strcmp(dot, endings[i]) == 0)
			return 1;
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int trust_read(struct trust *trust, const char *path, struct error *err)
{
	struct dirent **entries = NULL;
	struct stat st;
	int n, status = 0;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return add_file(trust, path, err);
	n = scandir(path, &entries, is_authority, by_name);
	if (n < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot be listed");
	if (n == 0)
		status = error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET,
				   "a folder without a *.pem, *.crt, *.cer, *.der or *.crl");
	for (int i = 0; i < n; i++) {
		char whole[PATH_MAX];

		if (status == 0 && snprintf(whole, sizeof(whole), "%s/%s", path,
					    entries[i]->d_name) >= (int)sizeof(whole))
			status = error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET,
					   "a path too long in it");
		if (status == 0)
			status = add_file(trust, whole, err);
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* --- time ------------------------------------------------------------------------------------------ */

/* n decimal digits at *at, which moves behind them. */
static bool digits(const char **at, int n, int *out)
{
	*out = 0;
	for (; n > 0; n--, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

/* hh:mm after a sign, or Z; seconds to the east of Greenwich. */
static bool zone_parse(const char **at, int *out)
{
	int hours, minutes, sign = **at == '-' ? -1 : 1;

	*out = 0;
	if (**at == 'Z' || **at == 'z') {
		++*at;
		return true;
	}
	if (**at != '+' && **at != '-')
		return false;
	++*at;
	if (!digits(at, 2, &hours) || **at != ':')
		return false;
	++*at;
	if (!digits(at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*out = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool rfc3339_parse(const char *text, int64_t *out)
{
	struct tm tm = { 0 }, checked;
	const char *at = text;
	int zone = 0;
	time_t time;

	if (!digits(&at, 4, &tm.tm_year) || *at++ != '-' || !digits(&at, 2, &tm.tm_mon) ||
	    *at++ != '-' || !digits(&at, 2, &tm.tm_mday))
		return false;
	if (*at) {
		if (*at != 'T' && *at != 't' && *at != ' ')
			return false;
		at++;
		if (!digits(&at, 2, &tm.tm_hour) || *at++ != ':' || !digits(&at, 2, &tm.tm_min) ||
		    *at++ != ':' || !digits(&at, 2, &tm.tm_sec) || tm.tm_hour > 23 ||
		    tm.tm_min > 59 || tm.tm_sec > 60)
			return false;
		if (*at == '.')
			for (at++; *at >= '0' && *at <= '9';)
				at++;
		if (!zone_parse(&at, &zone) || *at)
			return false;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	checked = tm;
	checked.tm_hour = checked.tm_min = checked.tm_sec = 0;
	(void)timegm(&checked); /* a 31st of June becomes another day */
	if (tm.tm_mon != checked.tm_mon || tm.tm_mday != checked.tm_mday)
		return false;
	time = timegm(&tm);
	*out = (int64_t)time - zone;
	return true;
}

bool time_parse(const char *text, int64_t *out)
{
	char *end;
	long long seconds;

	if (strchr(text, '-') != NULL)
		return rfc3339_parse(text, out);
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	seconds = strtoll(text, &end, 10);
	/* the year 9999, RFC 3339's last */
	if (*end || errno || seconds > INT64_C(253402300799))
		return false;
	*out = seconds;
	return true;
}

char *time_text(int64_t time, char out[TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = 0;
	return out;
}

/* --- secrets --------------------------------------------------------------------------------------- */

const char *secret_path(const char *option)
{
	const char *equals = strchr(option, '='), *slash = strchr(option, '/');

	return equals && (!slash || equals < slash) ? equals + 1 : option;
}

int secret_read(const char *option, struct secret *out, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	const char *path = secret_path(option);
	struct bytes value;
	uint8_t *copy;

	if (file_open(path, &file, err) < 0)
		return -1;
	value = file_bytes(file);
	if (value.size == 0 || value.size > SECRET_MAX)
		return error_set(err, ERROR_MALFORMED, path, 0,
				 "%zu bytes: a credential's secret has from 1 to %d", value.size,
				 SECRET_MAX);
	copy = malloc(value.size);
	if (!copy)
		return error_memory(err, path);
	memcpy(copy, value.data, value.size);
	*out = (struct secret){ .value = bytes_of(copy, value.size) };
	if (path != option)
		out->name = bytes_of(option, (size_t)(path - option) - 1);
	return 0;
}

void secret_clear(struct secret *secret)
{
	free((uint8_t *)(uintptr_t)secret->value.data);
}
