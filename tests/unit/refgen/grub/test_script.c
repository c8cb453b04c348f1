/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The language and the commands, row by row. What rows expect follows
 * grub-core's sources; rows marked (seen) were also run by a GRUB under QEMU
 * (tests/vectors/grub).
 */
#include "tests/unit/refgen/grub/fixture.h"
#include "tests/unit/test.h"

#define CONFIG "/EFI/debian/grub.cfg"

/* clang-format off */
static const struct fake_module modules[] = {
	{ "tpm",                NULL                              },
	{ "boot",               NULL                              },
	{ "cat",                NULL                              },
	{ "normal",             "feature_200_final|feature_net_search_cfg" },
	{ "configfile",         NULL                              },
	{ "echo",               NULL                              },
	{ "eval",               NULL                              },
	{ "font",               NULL                              },
	{ "increment",          NULL                              },
	{ "keystatus",          NULL                              },
	{ "linux",              NULL                              },
	{ "loadenv",            NULL                              },
	{ "gfxterm_background", NULL                              },
	{ "terminal",           NULL                              },
	{ "probe",              NULL                              },
	{ "read",               NULL                              },
	{ "regexp",             NULL                              },
	{ "reboot",             NULL                              },
	{ "search",             NULL                              },
	{ "search_fs_file",     NULL                              },
	{ "search_fs_uuid",     NULL                              },
	{ "search_label",       NULL                              },
	{ "smbios",             NULL                              },
	{ "blscfg",             NULL                              },
	{ "test",               NULL                              },
	{ "true",               NULL                              },
};
static const struct fake_image image_spec = {
	modules, ARRAY_SIZE(modules), NULL, "/EFI/debian",
	"grub,5,Free Software Foundation,grub,2.06,x\ngrub.debian,5,Debian,grub2,2.06-13+deb12u2,x\n"
};

#define ENVBLK "# GRUB Environment Block\n"

/* Files that every row has on (hd0,gpt2). */
static const struct {
	const char *path, *text;
} common[] = {
	{ "/vmlinuz",                  "kernel"                                                    },
	{ "/initrd",                   "initrd"                                                    },
	{ "/second.cfg",               "echo in second $x $config_file\nset y=2\nset x=3\n"        },
	{ "/menu.cfg",                 "menuentry inner { linux /vmlinuz inner; }\n"               },
	{ "/empty",                    ""                                                          },
	{ "/grubenv",                  ENVBLK "a=1\nb=two words\nc=back\\\\slash\nsaved_entry=B\n####" },
	{ "/dir/a.cfg",                "x"                                                         },
	{ "/dir/b.cfg",                "x"                                                         },
	{ "/dir/c.txt",                "x"                                                         },
	{ "/loader/entries/z-5.9.conf",
	 "title Five\nversion 5.9\nlinux /vmlinuz-5.9\ninitrd /initrd-5.9\noptions $kernelopts $more ro\n" },
	{ "/loader/entries/z-5.10.conf",
	 "title Ten\n# comment\nversion\t5.10\nlinux /vmlinuz\ninitrd /initrd\noptions root=UUID=x ro $more\n" },
	{ "/loader/entries/.hidden.conf", "title Hidden\nversion 9\nlinux /vmlinuz\n"              },
	{ "/loader/entries/readme.txt", "title No\n"                                               },
	{ "/loader/entries/broken.conf", "title Broken\nversion 4\n"                               },
};
#define FILES_MAX 32

static const struct script_case {
	const char *name, *script, *log;
} script_cases[] = {
	/* words */
	{ "quotes (seen)", "set a='one two'\necho x $a \"$a\" '$a' \\$a a\\ b end\n",
	 "command set a=one two\ncommand echo x one two one two $a $a a b end\n" },
	{ "empty words (seen)", "set e=\necho $e \"$e\" '' \"\" end\n",
	 "command set e=\ncommand echo    end\n" },
	{ "blanks at the ends of a value separate nothing", "set v=' b '\necho a${v}c \"[$v]\"\n",
	 "command set v= b \ncommand echo abc [ b ]\n" },
	{ "a value of blanks is no word", "set v='  '\necho $v\necho x$v\n",
	 "command set v=  \ncommand echo\ncommand echo x\n" },
	{ "words of a value become arguments", "set c='echo 1'\n$c 2\n",
	 "command set c=echo 1\ncommand echo 1 2\n" },
	{ "backslashes in double quotes", "echo \"a\\$b \\\\ \\\" \\n\"\n", "command echo a$b \\\\ \" \\\\n\n" },
	{ "a line continued (seen)", "echo tail\\\n joined \"two\\\nlines\" 'three\nfour' five\n",
	 "command echo tail joined twolines three\\nfour five\n" },
	{ "a lone continued line is no word", "echo a \\\n  b\n", "command echo a b\n" },
	{ "comments", "echo a#b # c ' d\n# e\n  # f\necho g\n", "command echo a#b\ncommand echo g\n" },
	{ "comment lines are not in continued text", "echo 'a\n# b\nc'\n", "command echo a\\nc\n" },
	{ "carriage returns and NUL", "echo a\r\necho b\r\n", "command echo a\ncommand echo b\n" },
	{ "no newline at the end", "echo a", "command echo a\n" },
	{ "variables in braces, numbers", "set a1=x\necho ${a1}1 $a1 ${a1}$a1 $nosuch.\n",
	 "command set a1=x\ncommand echo x1 x xx .\n" },
	{ "$\"...\" without a catalogue", "set v=1\necho $\"one $v and \\$v\"\n",
	 "command set v=1\ncommand echo one 1 and $v\n" },
	{ "wildcards (seen)",
	 "set root=hd0,gpt2\necho /dir/*.cfg \"/dir/*.cfg\" /dir/?.txt /dir/*.no (hd0,gpt2)/d*/b*\n",
	 "command set root=hd0,gpt2\ncommand echo /dir/a.cfg /dir/b.cfg /dir/*.cfg /dir/c.txt /dir/*.no "
	  "(hd0,gpt2)/dir/b.cfg\n" },
	{ "wildcards in devices", "echo (hd0,*)/dir/a.cfg (hd*)\n",
	 "command echo (hd0,gpt2)/dir/a.cfg (hd0) (hd0,gpt2) (hd0,gpt1)\n" },
	/* flow */
	{ "if, elif, else",
	 "for i in 1 2 3; do\nif [ $i = 1 ]; then echo one\nelif [ $i = 2 ]\nthen echo two; else echo more; fi\ndone\n",
	 "command [ 1 = 1 ]\ncommand echo one\ncommand [ 2 = 1 ]\ncommand [ 2 = 2 ]\ncommand echo two\n"
	  "command [ 3 = 1 ]\ncommand [ 3 = 2 ]\ncommand echo more\n" },
	{ "for over nothing", "for i in; do echo $i; done\necho end $?\n", "command echo end 0\n" },
	{ "break and continue of outer loops",
	 "for i in 1 2 3; do for j in a b; do if [ $i = 2 ]; then break 2; fi; continue; done; done\n"
	  "echo $i $j\n",
	 "command [ 1 = 2 ]\ncommand continue\ncommand [ 1 = 2 ]\ncommand continue\ncommand [ 2 = 2 ]\n"
	  "command break 2\ncommand echo 2 a\n" },
	{ "while and until (seen)",
	 "while [ \"$n\" != xx ]; do set n=x$n; done\nuntil [ \"$n\" = x ]; do n=x; done\n",
	 "command [  != xx ]\ncommand set n=x\ncommand [ x != xx ]\ncommand set n=xx\n"
	  "command [ xx != xx ]\ncommand [ xx = x ]\ncommand n=x\ncommand [ x = x ]\n" },
	{ "functions (seen)",
	 "function f { echo $# $1 \"$@\"; shift; echo $*; return 3; echo not; }\nf 'a b' c\necho $?\n",
	 "command f a b c\ncommand echo 2 a b a b c\ncommand shift\ncommand echo c\ncommand return 3\n"
	  "command echo 3\n" },
	{ "a function is there before the line it is in ends", "function f\n{\necho f\n}\nf\n",
	 "command f\ncommand echo f\n" },
	{ "commands are found before functions", "function echo { true; }\necho x\n", "command echo x\n" },
	{ "unknown commands succeed (seen)",
	 "if nosuch a; then echo yes; fi\nif ! nosuch; then echo also; fi\n! false\necho $?\n! true\necho $?\n",
	 "command nosuch a\ncommand echo yes\ncommand ! nosuch\ncommand echo also\ncommand ! false\n"
	  "command echo 0\ncommand ! true\ncommand echo 1\n" },
	{ "assignments (seen)", "c=assigned ignored\necho $c $?\na=b=c\necho $a\n",
	 "command c=assigned ignored\ncommand echo assigned 0\ncommand a=b=c\ncommand echo b=c\n" },
	{ "reserved words as arguments", "echo if then fi done in case { x; }\n",
	 "command echo if then fi done in case { x; }\n" },
	{ "parameters outside functions are nothing", "echo [$1] [$#] \"[$@]\"\n", "command echo [] [] []\n" },
	{ "eval", "set v='echo $x a'\nset x=1\neval \"$v\" b\n",
	 "command set v=echo $x a\ncommand set x=1\ncommand eval echo $x a b\ncommand echo 1 a b\n" },
	{ "increment", "set n=1\nincrement n\necho $n\ndecrement n\necho $n\n",
	 "command set n=1\ncommand increment n\ncommand echo 2\ncommand decrement n\ncommand echo 1\n" },
	/* test */
	{ "test: and, or, not, parentheses (seen)",
	 "if [ a = b -o ! -z x -a ( 1 -lt 2 ) ]; then echo yes; fi\nif [ \"\" ]; then echo; else echo empty; fi\n",
	 "command [ a = b -o ! -z x -a ( 1 -lt 2 ) ]\ncommand echo yes\ncommand [  ]\ncommand echo empty\n" },
	{ "test: numbers and versions",
	 "test 0x10 -eq 16 -a -1 -lt 0 -a vmlinuz-2 -plt vmlinuz-11 -a b '>' a\necho $?\n[ 010 -ne 8 ]\necho $?\n",
	 "command test 0x10 -eq 16 -a -1 -lt 0 -a vmlinuz-2 -plt vmlinuz-11 -a b > a\ncommand echo 0\n"
	  "command [ 010 -ne 8 ]\ncommand echo 1\n" },
	{ "test: files (seen)",
	 "set root=hd0,gpt2\n[ -e /dir ]\necho $?\n[ -f /dir ]\necho $?\n[ -d /dir/ ]\necho $?\n"
	  "[ -s /dir ]\necho $?\n[ -s /empty ]\necho $?\n[ -s (hd0,2)/vmlinuz ]\necho $?\n[ -e (hd9)/x ]\necho $?\n",
	 "command set root=hd0,gpt2\ncommand [ -e /dir ]\ncommand echo 0\ncommand [ -f /dir ]\ncommand echo 1\n"
	  "command [ -d /dir/ ]\ncommand echo 0\ncommand [ -s /dir ]\ncommand echo 1\ncommand [ -s /empty ]\n"
	  "file /empty\ncommand echo 1\ncommand [ -s (hd0,2)/vmlinuz ]\nfile (hd0,2)/vmlinuz\ncommand echo 0\n"
	  "command [ -e (hd9)/x ]\ncommand echo 1\n" },
	/* variables and scripts */
	{ "source has the same variables, configfile others",
	 "set root=hd0,gpt2\nset x=1\nsource /second.cfg\necho $x $y\nset x=1\nconfigfile /second.cfg\n"
	  "echo $x $y\nexport x\nconfigfile (hd0,gpt2)/second.cfg\necho $x\nsource /nosuch\necho $?\n",
	 "command set root=hd0,gpt2\ncommand set x=1\ncommand source /second.cfg\nfile /second.cfg\n"
	  "command echo in second 1 (hd0,gpt2)/second.cfg\ncommand set y=2\ncommand set x=3\ncommand echo 3 2\n"
	  "command set x=1\ncommand configfile /second.cfg\nfile /second.cfg\n"
	  "command echo in second (hd0,gpt2)/second.cfg\ncommand set y=2\ncommand set x=3\ncommand echo 1 2\n"
	  "command export x\ncommand configfile (hd0,gpt2)/second.cfg\nfile (hd0,gpt2)/second.cfg\n"
	  "command echo in second 1 (hd0,gpt2)/second.cfg\ncommand set y=2\ncommand set x=3\n"
	  "command echo 1\ncommand source /nosuch\ncommand echo 0\n" },
	{ "root loses its parentheses", "set root=(hd0,gpt2)\necho $root $prefix $cmdpath\n",
	 "command set root=(hd0,gpt2)\ncommand echo hd0,gpt2 (hd0,gpt1)/EFI/debian (hd0,gpt1)/EFI/BOOT\n" },
	{ "unset", "set a=1\nunset a\necho [$a] $feature_200_final $feature_net_search_cfg\n",
	 "command set a=1\ncommand unset a\ncommand echo [] y\n" },
	{ "environment blocks (seen)",
	 "set root=hd0,gpt2\nload_env -f /grubenv b\necho $a [$b]\nload_env --file /grubenv --skip-sig\n"
	  "echo $a $c\na=9\nsave_env -f /grubenv a\na=\nload_env -f /grubenv a\necho $a\n"
	  "load_env\nif load_env -f /empty; then echo; else echo $?; fi\n",
	 "command set root=hd0,gpt2\ncommand load_env -f /grubenv b\nfile /grubenv\ncommand echo [two words]\n"
	  "command load_env --file /grubenv --skip-sig\ncommand echo 1 back\\\\slash\ncommand a=9\n"
	  "command save_env -f /grubenv a\ncommand a=\ncommand load_env -f /grubenv a\nfile /grubenv ?\n"
	  "command echo 9\ncommand load_env\ncommand load_env -f /empty\nfile /empty\ncommand echo 4\n" },
	{ "search (seen)",
	 "search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos9 6D656173-7572-6564-2D62-6F6F740000F5\n"
	  "echo $root\nsearch.fs_label MBESP where\necho $where\nsearch -f --set=where /vmlinuz\necho $where\n"
	  "search --file /nosuch --set=where\necho $? $where\nsearch -l -s where nosuch\necho $?\n",
	 "command search --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos9 "
	  "6D656173-7572-6564-2D62-6F6F740000F5\ncommand echo hd0,gpt2\ncommand search.fs_label MBESP where\n"
	  "command echo hd0,gpt1\ncommand search -f --set=where /vmlinuz\nfile (hd0,gpt2)/vmlinuz\n"
	  "command echo hd0,gpt2\ncommand search --file /nosuch --set=where\ncommand echo 5 hd0,gpt2\n"
	  "command search -l -s where nosuch\ncommand echo 5\n" },
	{ "regexp and probe (seen)",
	 "if regexp --set 1:v --set=2:w '^([a-z]+)-([0-9.]+)' linux-6.1; then echo $v $w; fi\n"
	  "regexp '^x' linux\necho $?\nprobe --set=u --fs-uuid hd0,gpt2\necho $u\nprobe -s f -f (hd0,gpt1)\necho $f\n",
	 "command regexp --set 1:v --set=2:w ^([a-z]+)-([0-9.]+) linux-6.1\ncommand echo linux 6.1\n"
	  "command regexp ^x linux\ncommand echo 1\ncommand probe --set=u --fs-uuid hd0,gpt2\n"
	  "command echo 6d656173-7572-6564-2d62-6f6f740000f5\ncommand probe -s f -f (hd0,gpt1)\ncommand echo fat\n" },
	{ "fonts from disk are measured and refused (seen)",
	 "if loadfont (hd0,gpt2)/vmlinuz; then echo yes; else echo no $?; fi\nif loadfont nosuch; then echo; else echo $?; fi\n",
	 "command loadfont (hd0,gpt2)/vmlinuz\nfile (hd0,gpt2)/vmlinuz\ncommand echo no 30\n"
	  "command loadfont nosuch\ncommand echo 5\n" },
	/* unknowns */
	{ "an unknown spreads into texts, and only there",
	 "smbios --type 1 --get-string 5 --set model\necho is $model here\nset copy=x$model\necho $copy\necho fine\n"
	  "if [ \"$model\" = \"ThinkPad\" ]; then echo a; else echo b; fi\n",
	 "command smbios --type 1 --get-string 5 --set model\ncommand echo is  here ?\ncommand set copy=x ?\n"
	  "command echo x ?\ncommand echo fine\ncommand [  = ThinkPad ] ?\n"
	  "assume (hd0,gpt1)/EFI/debian/grub.cfg, line 6: what smbios says of the machine is not known\n"
	  "command echo b\n" },
	{ "a likely status decides and is said",
	 "if keystatus --shift; then echo held; else echo free; fi\nkeystatus\necho $?\n",
	 "command keystatus --shift\n"
	  "assume (hd0,gpt1)/EFI/debian/grub.cfg, line 1: no key is held down\ncommand echo free\n"
	  "command keystatus\nassume (hd0,gpt1)/EFI/debian/grub.cfg, line 3: no key is held down\n"
	  "command echo 1\n" },
	{ "a prefix whose translations are there",
	 "set root=hd0,gpt2\nset locale_dir=/dir\nset lang=c_DE\necho $\"text\"\n",
	 "command set root=hd0,gpt2\ncommand set locale_dir=/dir\ncommand set lang=c_DE\ncommand echo text\n" },
};

static const struct menu_case {
	const char *name, *script;
	const char *choose; /* NULL: what GRUB takes by itself */
	const char *log;
} menu_cases[] = {
	{ "the default is the first", "menuentry A { linux (hd0,gpt2)/vmlinuz a; }\nmenuentry B { linux x b; }\n",
	 NULL,
	 "command menuentry A { linux (hd0,gpt2)/vmlinuz a; }\ncommand menuentry B { linux x b; }\n"
	  "command setparams A\ncommand linux (hd0,gpt2)/vmlinuz a\nfile (hd0,gpt2)/vmlinuz\n"
	  "verify (hd0,gpt2)/vmlinuz\nkernel (hd0,gpt2)/vmlinuz a\nstart BOOT_IMAGE=(hd0,gpt2)/vmlinuz a\n" },
	{ "by number, title, id, path (seen)",
	 "set root=hd0,gpt2\nset default='S>in'\nmenuentry A { linux /vmlinuz a; }\n"
	  "submenu S {\nmenuentry 'x' --id other { linux /vmlinuz x; }\nmenuentry 'y z' --id in { linux /vmlinuz $2 \"$chosen\" $timeout; }\n}\n",
	 NULL,
	 "command set root=hd0,gpt2\ncommand set default=S>in\ncommand menuentry A { linux /vmlinuz a; }\n"
	  "command submenu S {\\nmenuentry 'x' --id other { linux /vmlinuz x; }\\nmenuentry 'y z' --id in { linux "
	  "/vmlinuz $2 \"$chosen\" $timeout; }\\n}\ncommand setparams S\n"
	  "command menuentry x --id other { linux /vmlinuz x; }\n"
	  "command menuentry y z --id in { linux /vmlinuz $2 \"$chosen\" $timeout; }\n"
	  "command setparams y z\ncommand linux /vmlinuz S>in 0\nfile /vmlinuz\nverify /vmlinuz\n"
	  "kernel /vmlinuz S>in 0\nstart BOOT_IMAGE=/vmlinuz S>in 0\n" },
	{ "saved entries and the choice made",
	 "set root=hd0,gpt2\nload_env -f /grubenv\nset default=$saved_entry\n"
	  "menuentry A { linux /vmlinuz a; }\nmenuentry B { linux /vmlinuz b; }\n",
	 "A",
	 "command set root=hd0,gpt2\ncommand load_env -f /grubenv\nfile /grubenv\ncommand set default=B\n"
	  "command menuentry A { linux /vmlinuz a; }\ncommand menuentry B { linux /vmlinuz b; }\n"
	  "command setparams A\ncommand linux /vmlinuz a\nfile /vmlinuz\nverify /vmlinuz\nkernel /vmlinuz a\n"
	  "start BOOT_IMAGE=/vmlinuz a\n" },
	{ "titles with quotes, arguments, a body with comments (seen)",
	 "set root=hd0,gpt2\nmenuentry \"it's\" second --class c {\n# gone\n\t# kept\n\tlinux /vmlinuz 'q  q' $1 $2\\\n;initrd /initrd\n}\n",
	 NULL,
	 "command set root=hd0,gpt2\n"
	  "command menuentry it's second --class c {\\n\\t# kept\\n\\tlinux /vmlinuz 'q  q' $1 $2\\\\\\n;initrd "
	  "/initrd\\n}\ncommand setparams it's second\ncommand linux /vmlinuz q  q it's second\nfile /vmlinuz\n"
	  "verify /vmlinuz\nkernel /vmlinuz \"q  q\" it\\\\'s second\ncommand initrd /initrd\nfile /initrd\n"
	  "start BOOT_IMAGE=/vmlinuz \"q  q\" it\\\\'s second [hd0,gpt2 /initrd]\n" },
	{ "configfile shows its own menu", "set root=hd0,gpt2\nexport x\nconfigfile /menu.cfg\necho not\n", NULL,
	 "command set root=hd0,gpt2\ncommand export x\ncommand configfile /menu.cfg\nfile /menu.cfg\n"
	  "command menuentry inner { linux /vmlinuz inner; }\ncommand setparams inner\n"
	  "command linux /vmlinuz inner\nfile /vmlinuz\nverify /vmlinuz\nkernel /vmlinuz inner\n"
	  "start BOOT_IMAGE=/vmlinuz inner\n" },
	{ "an entry that boots nothing", "menuentry A { echo a; }\n", NULL,
	 "command menuentry A { echo a; }\ncommand setparams A\ncommand echo a\n"
	  "halt the menu entry 'A' starts nothing\n" },
	{ "a kernel that is not there", "menuentry A { linux /nosuch; initrd /initrd; }\n", NULL,
	 "command menuentry A { linux /nosuch; initrd /initrd; }\ncommand setparams A\ncommand linux /nosuch\n"
	  "command initrd /initrd\nhalt the menu entry 'A' starts nothing\n" },
	{ "reboot", "menuentry A { reboot; }\n", NULL,
	 "command menuentry A { reboot; }\ncommand setparams A\ncommand reboot\nhalt GRUB's command reboot\n" },
	{ "boot in the script itself", "linux (hd0,gpt2)/vmlinuz ro\nboot\n", NULL,
	 "command linux (hd0,gpt2)/vmlinuz ro\nfile (hd0,gpt2)/vmlinuz\nverify (hd0,gpt2)/vmlinuz\n"
	  "kernel (hd0,gpt2)/vmlinuz ro\ncommand boot\nstart BOOT_IMAGE=(hd0,gpt2)/vmlinuz ro\n" },
	{ "loader entries: read in the directory's order, sorted as rpm does",
	 "set root=hd0,gpt2\nset kernelopts='a b '\nset more=m\nset default=1\nblscfg\n", NULL,
	 "command set root=hd0,gpt2\ncommand set kernelopts=a b \ncommand set more=m\ncommand set default=1\n"
	  "command blscfg\nfile (hd0,gpt2)/loader/entries//z-5.9.conf\n"
	  "file (hd0,gpt2)/loader/entries//z-5.10.conf\nfile (hd0,gpt2)/loader/entries//broken.conf\n"
	  "command load_video\ncommand set gfx_payload=keep\ncommand insmod gzio\n"
	  "command linux (hd0,gpt2)/vmlinuz-5.9 a b m ro\ncommand initrd (hd0,gpt2)/initrd-5.9\n"
	  "halt the menu entry 'Five' starts nothing\n" },
	{ "loader entries: the newest is the default",
	 "set root=hd0,gpt2\nblscfg\n", NULL,
	 "command set root=hd0,gpt2\n"
	  "command blscfg\nfile (hd0,gpt2)/loader/entries//z-5.9.conf\n"
	  "file (hd0,gpt2)/loader/entries//z-5.10.conf\nfile (hd0,gpt2)/loader/entries//broken.conf\n"
	  "command load_video\ncommand set gfx_payload=keep\ncommand insmod gzio\n"
	  "command linux (hd0,gpt2)/vmlinuz root=UUID=x ro\nfile (hd0,gpt2)/vmlinuz\n"
	  "verify (hd0,gpt2)/vmlinuz\nkernel (hd0,gpt2)/vmlinuz root=UUID=x ro\n"
	  "command initrd (hd0,gpt2)/initrd\nfile (hd0,gpt2)/initrd\n"
	  "start BOOT_IMAGE=(hd0,gpt2)/vmlinuz root=UUID=x ro [hd0,gpt2 /initrd]\n" },
};

static const struct bad_case {
	const char *name, *script;
	enum error_code code;
	uint64_t offset;
	const char *words;
} bad_cases[] = {
	{ "an if without fi", "echo a\nif true; then\n echo b\n", ERROR_MALFORMED, 29, "ends inside a block" },
	{ "a quote without its end", "echo 'a\nb\n", ERROR_MALFORMED, 0, "ends inside a quoted text" },
	{ "fi alone", "echo a\nfi\n", ERROR_MALFORMED, 7, "'fi' where a command is wanted" },
	{ "then without a delimiter", "if true then echo; fi\n", ERROR_MALFORMED, 0, "where 'then' is wanted" },
	{ "an empty block", "menuentry A { }\n", ERROR_MALFORMED, 0, "'}' where a command is wanted" },
	{ "an empty function", "function f { ; }\n", ERROR_MALFORMED, 0, "';' where a command is wanted" },
	{ "and is no part of the language", "true && true\n", ERROR_MALFORMED, 0, "'&&' where ';'" },
	{ "redirection is none, either", "test b > a\n", ERROR_MALFORMED, 0, "'>' where ';'" },
	{ "a dollar alone", "echo a\necho $)\n", ERROR_MALFORMED, 7, "'$' without a variable's name" },
	{ "a dollar alone in quotes", "echo \"5 $ a\"\n", ERROR_MALFORMED, 0, "'$' without a variable's name" },
	{ "a block that closes nothing", "}\n", ERROR_MALFORMED, 0, "'}' where a command is wanted" },
	{ "a loop without end", "while true; do x=1; done\n", ERROR_LIMIT, ERROR_NO_OFFSET, "may never end" },
	{ "a script that reads itself", "source (hd0,gpt1)/EFI/debian/grub.cfg\n", ERROR_LIMIT, ERROR_NO_OFFSET,
	 "deep" },
	{ "a function that calls itself", "function f { f; }\nf\n", ERROR_LIMIT, ERROR_NO_OFFSET, "deep" },
	{ "a text that doubles", "set a=0123456789abcdef\nwhile true; do set a=\"$a$a\"; done\n", ERROR_LIMIT,
	 ERROR_NO_OFFSET, "bytes" },
};

/* clang-format on */

/* The image all rows run: made once. */
static struct buf image_bytes = BUF_INIT;
static struct grub_image image;

struct run {
	struct fake_file files[FILES_MAX];
	size_t n_files;
	struct fake_host fake;
	struct error err;
};

static void run_begin(struct run *run, const char *script)
{
	*run = (struct run){ 0 };
	run->files[run->n_files++] =
		(struct fake_file){ "hd0,gpt1", CONFIG, bytes_of_string(script) };
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		run->files[run->n_files++] = (struct fake_file){ "hd0,gpt2", common[i].path,
								 bytes_of_string(common[i].text) };
	fake_host_init(&run->fake, run->files, run->n_files);
}

static void run_end(struct run *run)
{
	buf_clear(&run->fake.log);
}

/* Runs the script; what the log says behind "file .../grub.cfg". */
static const char *run_log(struct run *run)
{
	static const char first[] = "file (hd0,gpt1)" CONFIG "\n";

	if (grub_image_run(&image, &run->fake.host, &run->err) < 0)
		fail_msg("%s: %s", run->err.source, run->err.message);
	assert_int_equal(buf_finish(&run->fake.log, NULL), 0);
	assert_int_equal(strncmp((char *)run->fake.log.data, first, strlen(first)), 0);
	return (const char *)run->fake.log.data + strlen(first);
}

static void script(void **state)
{
	const struct script_case *row = *state;
	struct run run;
	struct buf expected = BUF_INIT;

	run_begin(&run, row->script);
	buf_append_string(&expected, row->log);
	buf_append_string(&expected, "halt GRUB waits at its prompt\n");
	assert_string_equal(run_log(&run), (char *)expected.data);
	buf_clear(&expected);
	run_end(&run);
}

static void menu(void **state)
{
	const struct menu_case *row = *state;
	const char *const choose[] = { row->choose, NULL };
	struct run run;

	run_begin(&run, row->script);
	run.fake.choose = choose;
	assert_string_equal(run_log(&run), row->log);
	run_end(&run);
}

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct run run;

	run_begin(&run, row->script);
	assert_int_equal(grub_image_run(&image, &run.fake.host, &run.err), -1);
	test_error(&run.err, row->code, row->offset);
	if (!strstr(run.err.message, row->words))
		fail_msg("%s", run.err.message);
	assert_string_equal(run.err.source, "(hd0,gpt1)" CONFIG);
	run_end(&run);
}

/* Whatever becomes of a script that is cut or changed, it ends. */
static void cut_and_flipped(void **state)
{
	struct bytes file = test_file("tests/vectors/grub/custom.cfg");
	struct bytes whole = bytes_of(file.data, 1200);

	(void)state;
	assert_true(file.size > whole.size);
	for (size_t i = 0; i < 2 * whole.size; i++) {
		struct bytes piece =
			test_copy(bytes_of(whole.data, i < whole.size ? i : whole.size));
		struct run run;

		run_begin(&run, "");
		if (i >= whole.size)
			((uint8_t *)(uintptr_t)piece.data)[i - whole.size] ^= (uint8_t)(1 << i % 8);
		run.files[0].contents = piece;
		(void)grub_image_run(&image, &run.fake.host, &run.err);
		run_end(&run);
		test_drop(piece);
	}
	test_drop(file);
}

/* Each allocation fails once. */
static void out_of_memory(void **state)
{
	static const char script_text[] = "set root=hd0,gpt2\nload_env -f /grubenv\nfor i in "
					  "/dir/*; do echo \"$i\" x; done\nblscfg\n";

	(void)state;
	for (unsigned n = 1;; n++) {
		struct run run;
		struct grub_image own = { 0 };
		bool failed;
		int r;

		run_begin(&run, script_text);
		buf_append_u8(&run.fake.log,
			      ' '); /* room, so that the log is none of those that fail */
		(void)buf_extend(&run.fake.log, 8192);
		run.fake.log.size = 0;
		test_alloc_fail(n);
		r = grub_image_parse(buf_bytes(&image_bytes), "grub", &own, &run.err);
		if (r == 0)
			r = grub_image_run(&own, &run.fake.host, &run.err);
		failed = test_alloc_failed();
		test_alloc_fail(0);
		grub_image_clear(&own);
		if (r < 0)
			assert_int_equal(run.err.code, ERROR_SYSTEM);
		run_end(&run);
		if (!failed) {
			assert_int_equal(r, 0);
			break;
		}
		assert_true(n < 2000);
	}
}

static void image_cut_and_flipped(void **state)
{
	struct bytes whole = buf_bytes(&image_bytes);

	(void)state;
	for (size_t i = 0; i < whole.size + whole.size / 7; i++) {
		size_t size = i < whole.size ? i : whole.size;
		struct bytes piece = test_copy(bytes_of(whole.data, size));
		struct grub_image own = { 0 };
		struct error err;

		if (i >= whole.size)
			((uint8_t *)(uintptr_t)piece.data)[7 * (i - whole.size)] ^= 0xff;
		if (grub_image_parse(piece, "cut", &own, &err) == 0)
			grub_image_clear(&own);
		test_drop(piece);
	}
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	fake_image_make(&image_spec, &image_bytes);
	if (grub_image_parse(buf_bytes(&image_bytes), "grub", &image, NULL) < 0)
		return 1;

	TEST_ROWS(&tests, script, script_cases);
	TEST_ROWS(&tests, menu, menu_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, out_of_memory);
	TEST(&tests, image_cut_and_flipped);
	failed = test_run(&tests, "refgen/grub/script");
	grub_image_clear(&image);
	buf_clear(&image_bytes);
	return failed;
}
