/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of libcurl that tpm2-tools names; none is ever called in a machine. */

int curl_global_init(void)
{
	return 2; /* CURLE_FAILED_INIT */
}
void curl_global_cleanup(void)
{
}
void *curl_easy_init(void)
{
	return 0;
}
int curl_easy_setopt(void)
{
	return 2;
}
int curl_easy_perform(void)
{
	return 2;
}
void curl_easy_cleanup(void)
{
}
const char *curl_easy_strerror(void)
{
	return "no libcurl";
}
char *curl_easy_escape(void)
{
	return 0;
}
char *curl_easy_unescape(void)
{
	return 0;
}
void curl_free(void)
{
}
