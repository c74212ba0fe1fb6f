//! A line of each form that the model of exporters does not send.

/// Target and line.
pub const LINES: &[(&str, &str)] = &[
    (
        "cgn",
        "<134>1 2016-01-18 14:09:22 192.0.2.1 cgn - LAFT6:UserbasedA [- - 2001:db8::7 203.0.113.1 - 1024 2047]",
    ),
    (
        "cgn",
        "<142>1 192.0.2.1 2013 Nov 26 11:46:51 FW 7 NAT444:SessionW 1320370756|1320370759|10.0.0.7|203.0.113.1|10256|198.51.100.8|80|6",
    ),
    (
        "cgn",
        "<134>1 2015-02-05T11:55:48Z 192.0.2.1 - - NAT444userbased - %%01SEC/6/BIND(L): An initial portrange is assigned, in nat444 scene. sequence='0x0000106f00000002' sessionid='0x00000005' privateip='10.0.0.7' srcvrfid='0' publicip='203.0.113.1' publicportrange='1024~65535' time='2015-02-05 11:55:48'",
    ),
    (
        "firebrick",
        "Inbound Frag 02005e005301 LAN/192.0.2.7 WAN/198.51.100.8 UDP(17)/4711@1480 Drop",
    ),
    ("firebrick", "Web-Out 02005e005301 LAN/192.0.2.7:4,711 WAN/198.51.100.8:80 TCP(6) SYN Allow"),
    (
        "firebrick",
        "Ping 02005e005301 LAN/192.0.2.7 WAN/198.51.100.8 ICMP(1) Echo request 4711 Reject",
    ),
    (
        "im",
        "<190>2016-01-08 10:21:57 FW %%01SECLOG/6/IM_LOGIN(l):IPVer=4,Protocol=udp,SourceIP=192.0.2.7,DestinationIP=198.51.100.8,SourcePort=4000,DestinationPort=8000,BeginTime=1452219708,Application=QQ,Account=10001.",
    ),
    (
        "im",
        "<190>FW %%01SECLOG/6/WECHAT(l):SourceIP=192.0.2.7,Action=offline,WeChatNumber=wx_10001.",
    ),
    (
        "declared",
        "<6>Dec 01 16:15:43 2019 FW %%10session/6/SESSION_IPV4_FLOW: Protocol(1001)=TCP;SrcIPAddr(1003)=192.0.2.7;SrcPort(1004)=40912;NatSrcIPAddr(1005)=203.0.113.1;NatSrcPort(1006)=9460;DstIPAddr(1007)=198.51.100.8;DstPort(1008)=80;BeginTime_e(1013)=12012019081543;EndTime_e(1014)=;Event(1048)=(8)Session created;",
    ),
    (
        "declared",
        "<14>Jun 30 22:44:25 bng RT_NAT: RT_SRC_NAT_PBA_ALLOC: Subscriber 100.64.0.7 used/maximum [10/15] blocks, allocates port block [24064-24191] from 203.0.113.1 in source pool P lsys_id: 0 epoch 0x6a44007a",
    ),
    (
        "declared",
        "<158>2026-07-19 16:13:02: cgn{CGN}[jservices-nat]: JSERVICES_NAT_RULE_MATCH: proto 17 (UDP) application: any, xe-2/0/0.32767:10.20.0.5:28760 -> 198.51.100.8:53, Match NAT rule-set: (null), rule: R, term: 1",
    ),
    (
        "declared",
        "<134>NAT-TCP-C: 10.0.0.7:10000<->198.51.100.8:80, 198.51.100.8:80<-->203.0.113.1:10000",
    ),
    (
        "declared",
        "<134>cgn CEF:0|A10|CFW|6.0.0-P1|CGN 106|Nat Port Batch Pool Allocated|5|proto=UDP src=100.65.0.7 sourceTranslatedAddress=203.0.113.1 sourceTranslatedPort=22016 cn3=22271 cn3Label=Last Nat Port",
    ),
    (
        "declared",
        "<14>Jan 17 11:05:55 192.0.2.1 TMNX: 17 NAT [MDA]: LSN44 SADD 2020 Jan 17 11:05:55:12 UTC 10.0.0.7 40001 203.0.113.1 1024 198.51.100.8 443 6",
    ),
    (
        "declared",
        "<14>1234: HOSTNAME: May 21 12:00:01.123 gmt: %IOSXE-6-PLATFORM: F0: cpp_cp: QFP:0.0 Thread:105 TS:00000000000000 %NAT-6-LOG_TRANSLATION: Created Translation UDP 10.0.0.7:44593 203.0.113.1:21129 198.51.100.8:53 198.51.100.8:53 0",
    ),
    (
        "declared",
        "<134>1 2018-11-12T11:25:30.252715Z 192.0.2.1 NAT 5901 SADD [nsess SSUBIX=\"0\" SVLAN=\"0\" IATYP=\"IPv4\" ISADDR=\"10.0.0.7\" ISPORT=\"6303\" XATYP=\"IPv4\" XSADDR=\"203.0.113.1\" XSPORT=\"16253\" PROTO=\"6\"]",
    ),
    (
        "declared",
        "firewall,info srcnat: in:bridge1 out:ether1, proto UDP, SRC:51258->198.51.100.8:53, NAT (203.0.113.1:51258->198.51.100.8:53), len 73",
    ),
    (
        "declared",
        "Apr 22 07:29:39 2015 FW %%--FW/SESSION/5/SYSLOG(7): traffic start_time=\"2015-04-22 07:29:39\" duration=132 service=ICMP/port:80 proto=1 sent=10124 rcvd=10124 src=10.0.0.7 dst=198.51.100.8 src_port=7 dst_port=89 src-xlated ip=203.0.113.1 port=3 dst-xlated ip=198.51.100.8 port=1500 reason=Close - ICMP TIMEOUT.",
    ),
    (
        "declared",
        "Jun 14 12:17:35 vm fp-cgnat[2484]: NEW CONN: fwd proto 6 10.0.0.7:4241 -> 198.51.100.8:33815, back proto 6 198.51.100.8:33815 --> 203.0.113.1:10752",
    ),
];
