# SPDX-License-Identifier: Apache-2.0
"""Small Corefiles and who accepts them: CoreDNS and burst53 agree, or differ for the reason given."""


def lines(text):
    """Directives inside one block for the root; `|` is a line break."""
    return ".:53 {\n" + text.replace("|", "\n") + "\n}\n"


K8S = "kubernetes a.test {|endpoint http://127.0.0.1:9|startup_timeout 1ms|%s|}"

ACCEPTED = [
    "a.:domain {\n}\n", "10.0.0.0/8:53:54 {\n}\n", "\ufeff.:53 {\n\twhoami\t\n}\n", "b\u00fccher.test:53\u00a0{\nwhoami\n}\n",
    "2001:db8::1/127 10.0.0.0/1:53 {\n}\n", "a.test,\n\n# x\nb.test\n{\nwhoami\n}\n", ".:0053 {\n}\n",
    lines("nsid `a`|log a#b"), "\"a b\" {\nwhoami\n}\n",
    lines('forward . 127.0.0.1 "{"|max_fails 2|"}"'), lines(K8S % 'tls "" "" ""'),
    ". { whoami\n}\n", ".\n{\nwhoami\n}\n", ".\nwhoami\nlog\n", ". whoami\n", "a, b {\nwhoami\n}\n", "a,\nb {\nwhoami\n}\n",
    "a b\nwhoami\n", "(s) {\nwhoami\n}\n. {\nimport s\n}\n", "(s) { whoami\n}\n. {\nimport s\n}\n", ". {\n\"whoami\"\n}\n",
    "({$MY_HOST_IP}) {\nwhoami\n}\n. {\nimport 127.0.0.1\n}\n",
    "(a) {\nwhoami\n}\n(b) {\nimport a\n}\n. {\nimport b\n}\n", "\".\" {\nwhoami\n}\n", ". {\nlog . \"{remote} # x\"\n}\n",
    "a {\nbind 127.0.0.1\n}\na {\nbind 127.0.0.2\n}\n", "a:1053 a:1054 {\n}\n", "dns://a:1053 {\n}\n", "-a_b.c {\n}\n", "*.a {\n}\n",
    "10.0.0.0/24 {\n}\n", "10.0.0.0/15:1053 {\n}\n", "fd00::/7 {\n}\n", "a/24 {\n}\n", "0/25.2.0.192.in-addr.arpa {\n}\n",
    lines("health :18080 { lameduck 1s|}"), lines("log { }"), lines("log {}"), lines("import *.zzz|whoami"), lines("whoami#x"),
    lines("bind lo"), lines("bind lo {|except ::1|}|whoami"), lines("bind ::|whoami"), "a:53, a:5353 {\n\"errors\" # x\nlog#y\n}# z",
    "a:1054 {$B53_UNSET}b.c:1055 {\n}\n", "(x) {\nhosts {\n1.2.3.4 a\n2.3.4.5 b\n}\n}\na:53 b:54 {\nimport x\n}\nb:53 {\nimport x\n}\n",
    "2001:db8::/33 10.1.2.0/23:53 {\nwhoami\n}\n", "dns://A.B.:53 {\r\nwhoami\r\n}\r\n", lines('log . "{remote}|x\\"y"'), lines("bind 127.0.0.1 {|except 127.0.0.1|}"), lines("reload|reload 5s"), lines("health :18080|health :18081"),
    lines("bufsize 512|bufsize 600"), lines("loadbalance|loadbalance"), lines("whoami|whoami"), lines("log|log"),
    lines(K8S % "ttl 5 6"), lines(K8S % "ignore"), lines(K8S % "labels !a"), lines(K8S % "labels a notin (b)"),
    lines(K8S % "labels a==b,c"), lines(K8S % "pods verified|pods insecure"), lines(K8S % "multicluster"), lines(K8S % "apiserver_qps .5"),
    lines("forward . 1.1.1.1 1.1.1.1:54 [::1] ::1 dns://[::1]:54 tls://[::1%x.test]:853"), lines("forward a.test 127.0.0.1|forward . ::1"),
    lines("forward . 127.0.0.1 {|health_check 0|}"), lines("forward 10.0.0.0/9 127.0.0.1"),
    lines("cache 30 40"), lines("cache {|success 10 20 30 40|}"), lines("cache {|serve_stale 1h Immediate|}"), lines("cache 30s"),
    lines("cache {|serve_stale 0|serve_stale_policy prefer_positive|}"), lines("cache {|prefetch 0|}"),
    lines("hosts {|fallthru|1.2.3.4 a..b|ttl 5 6|no_reverse x|}"), lines("log a b"), lines("log {common}"), lines("acl a.test"),
    lines("acl {|allow net 1.2.3.4 type A|drop|}"), lines("rewrite STOP NAME a b"),
    lines("rewrite edns0 nsid set revert"), lines("rewrite edns0 local unset 5"), lines("rewrite rcode a nxdomain 0"), lines("shed"),
    lines("template IN ANY {|rcode NXDOMAIN|}"), lines("template IN A {|upstream|}"), lines("loadbalance {|prefer|}"),
    lines("timeouts {|read 1|}"), lines("reload 2s 0"), lines("dns64 64:ff9b::/96 {|translate_all|}"), lines("metadata|cancel 5s|debug"),
]

REFUSED = [
    "(s) {\nlog {args[0]}\n}\n.:53 {\nimport s a.test\nwhoami\n}\n", "::ffff:10.0.0.0/104 {\nwhoami\n}\n", "10.0.0.0/8:53 {\n" + K8S.replace(" a.test", "").replace("|", "\n") % "" + "\n}\n",
    "10.0.0.0/8 {\n}\n10.in-addr.arpa {\n}\n", "(a) {\n}\n(b) {\nimport f1\n}\n. {\nimport b\n}\n",
    lines("template IN A {|match (|}"), lines("forward . x.test {|resolver 127.0.0.1|}"),
    ". { whoami }\n", "a,b c, {\n}\n", ", a {\n}\n", ". {\nwhoami\n", "whoami\n}\n. {\n}\n. {\n}\n", ". {\nwhoami \"\"\n}\n",
    "(s) {\nwhoami\n}\n(s) {\nlog\n}\n. {\nimport s\n}\n", "(s) {\nimport s\n}\n. {\nimport s\n}\n", "a {\n}\na {\n}\n", "a A. {\n}\n",
    "a {\nbind 127.0.0.1\n}\na {\n}\n", "a {\n}\na {\nbind 127.0.0.1\n}\n", "a: {\n}\n", ":1053 {\n}\n", "a..b {\n}\n", "a:99999 {\n}\n",
    "::/0 {\n}\n", lines("import a b"), lines("import"), lines("import nothing.x"), lines("import /tmp"), lines("import [a]"),
    lines("import **"), lines("bogus"), lines("proxy . 127.0.0.1"), lines("bind"), lines("cache|cache"), lines("loop|loop"),
    lines("errors|errors"), lines("hosts|hosts"), lines("ready :18181|ready :18181"), lines("kubernetes a|kubernetes b"),
    lines("multisocket|multisocket"), lines("metadata|metadata"), lines("debug x"), lines("minimal x"), lines("pprof x"), lines("cancel 5"),
    lines(K8S % "ttl 3601"), lines(K8S % "ttl 5s"), lines(K8S % "pods maybe"), lines(K8S % "upstream"), lines(K8S % "transfer to *"),
    lines(K8S % "labels a=b c=d"), lines(K8S % "labels a in b"), lines(K8S % "labels a!=b"), lines(K8S % "zonal|noendpoints"),
    lines(K8S % "namespaces x|namespace_labels y"), lines(K8S % "multicluster b.test"), lines("k8s_external a.test"),
    lines("forward ."), lines("forward . nohost"), lines("forward . /nonexistent"), lines("forward . grpc://127.0.0.1"),
    lines("forward . 127.0.0.1 {|max_age 5s|}"), lines("forward . 127.0.0.1 {|next 3|}"), lines("forward . 127.0.0.1 {|failover NOERROR|}"),
    lines("forward . tls://127.0.0.1%a {|tls_servername b|}"), lines("forward . 127.0.0.1:53:53"), lines("forward . tls://[::1]%x.test"),
    lines("cache 0"), lines("cache -1"), lines("cache {|success 10 0|}"), lines("cache {|servfail 6m|}"), lines("cache {|disable all|}"),
    lines("cache {|serve_stale_policy prefer_positive|}"), lines("hosts {|fallthrough|1.2.3.4 a|}"), lines("hosts {|reload|}"),
    lines("rewrite"), lines("rewrite name a"), lines("rewrite name a b answer auto"), lines("rewrite name regex (a) {1}{2}"), lines("rewrite name suffix a b auto"),
    lines("rewrite name suffix a b answer auto answer name c d"), lines("rewrite ttl a 10-5"), lines("rewrite edns0 subnet set 33 10"),
    lines("template in A"), lines("template IN A {|rcode nxdomain|}"), lines("template IN A {|rcode 3|}"), lines("acl {|allow type a|}"),
    lines("acl {|allow|permit net *|}"), lines("bufsize 511"), lines("header {|}"), lines("header {|response set xx|}"),
    lines("loadbalance best"), lines("loadbalance {|reload 5s|}"), lines("transfer a.test"), lines("dns64 64:ff9b::/97"),
    lines("bind nonexistent9"), lines("bind 10.0.0.300"), lines("bind 127.1"), lines("bind lo {|except nonexistent9|}"),
    lines("bind fe80::1%lo"), ".:53 \"{\"\nwhoami\n", lines('nsid "{"'), lines('nsid "}"'), lines(K8S % "tls a b c"),
    lines("health localhost"), lines("errors stderr"), lines("log . {|class some|}"), lines("reload 1s"), lines("timeouts"),
    lines("timeouts {|read 25h|}"), lines("multisocket 0"), lines("local {|localhost_prefix maybe|}"), lines("autopath"),
]

# Accepted by CoreDNS alone.
STRICTER = [
    ("", "an empty file is more likely a mistake than a wish for whoami"),
    ("a {\n}\n}\n", "a stray brace would be served as a zone"),
    (lines("log {|} errors"), "errors would be read as another log"),
    (lines("log|{|class all|}"), "the class would be read over"),
    ("a:0 {\n}\n", "a port that nobody can ask"),
    ("tls://a {\n}\n", "plain DNS only"),
    ("foo://a {\n}\n", "no such scheme"),
    ("DNS://a {\n}\n", "a scheme in capitals would be served as a zone that nobody can ask"),
    ("{$B53_UNSET} {\n}\n", "a variable that is not set would be served as a zone"),
    (lines("dnssec"), "not available"),
    (lines("view x {|expr true|}"), "not available"),
    (lines("dnstap tls://127.0.0.1:6000"), "not available"),
    (lines("dnstap listen /tmp/x"), "not available"),
    (lines("dnstap tcp://a.test:6000"), "addresses only"),
    (lines("dnstap x"), "whole paths only"),
    (lines("forward . https://127.0.0.1"), "not available"),
    (lines("kubernetes in-addr.arpa {|endpoint http://127.0.0.1:9|startup_timeout 1ms|}"), "quirk 10"),
    (lines(K8S % "fallthrough a..b"), "the zone would be read over"),
    (lines("cache {|success -5|}"), "no capacity"),
    (lines("rewrite edns0 local set 5 {a/b}"), "no metadata"),
    (lines("prometheus :19153 {|tls f|}"), "plain HTTP only"),
]

# Accepted by burst53 alone: what only the process that runs it can tell.
LATER = [
    (lines("errors {|consolidate 5m (|}"), "regular expressions are compiled where they run"),
    (lines("trace a b c"), "no effect"),
]
