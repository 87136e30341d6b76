// Readable names of C++ and Rust symbols, against c++filt (binutils), which is another implementation of the same manuals.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { SymbolTable } from "../../../debugger/symbols";
import { isNamed, readableName, withoutParameters } from "../../../debugger/symbols/demangle";
import { leaveOut } from "../../support/leaveOut";
import { needTools, Workshop } from "./toolchain";

const CPP = `
#include <map>
#include <string>
#include <vector>
#include <functional>
#include <memory>
namespace outer { namespace inner {
struct Point { int x; Point(int); ~Point(); Point operator+(const Point&) const; bool operator==(const Point&) const; operator int() const; int &operator[](unsigned long); void operator()(int, ...) volatile; static void *operator new(unsigned long); int method(const char *, unsigned, long long, bool) const &; template<typename T> T get(T) ; };
Point::Point(int a):x(a){} Point::~Point(){}
Point Point::operator+(const Point&o) const { return Point(x+o.x);} 
bool Point::operator==(const Point&o) const {return x==o.x;}
Point::operator int() const {return x;}
int &Point::operator[](unsigned long) {return x;}
void Point::operator()(int, ...) volatile {}
void *Point::operator new(unsigned long n) { return nullptr; }
int Point::method(const char *a, unsigned b, long long c, bool d) const & {return d;}
template<typename T> T Point::get(T t) { return t; }
template int Point::get<int>(int);
template Point* Point::get<Point*>(Point*);
template const char* Point::get<const char*>(const char*);
int free_function(void (*f)(int, char), int (&a)[4], int Point::*m, int (Point::*mf)(int) const) { return 0; }
}
template<int N, bool B, typename... A> struct Pack { void run(A... a); };
template<int N, bool B, typename... A> void Pack<N,B,A...>::run(A...) {}
template struct Pack<3, true, int, char const*, double>;
template struct Pack<-7, false>;
}
namespace { int hidden(int a) { return a; } struct Anon { void f(); }; void Anon::f() {} }
std::string strings(std::string const& s, std::vector<int> v, std::map<std::string, std::vector<int>> m) { return s; }
void ptrs(int*const* p, const volatile char *q, unsigned char&& r, std::unique_ptr<int> u) {}
void fn(std::function<int(int, double)> f) {}
auto lam() { static int z; return [](int a){ static int count; return ++count + a; }; }
int uselam() { return lam()(3) + hidden(2); }
struct Base { virtual ~Base(); virtual void v(); int b; }; struct Other { virtual ~Other(); virtual void o(); };
struct Derived : Base, Other { void v() override; void o() override; ~Derived() override; };
Base::~Base(){} void Base::v(){} Other::~Other(){} void Other::o(){} void Derived::v(){} void Derived::o(){} Derived::~Derived(){}
struct VB : virtual Base { void v() override; }; void VB::v(){}
enum class E { a, b }; template<E e> void en() {} template void en<E::b>();
template<typename T> auto decl(T t) -> decltype(t + 1) { return t + 1; } template int decl<int>(int);
template<typename T, typename U> bool cmp(const T&, const U&) { return true; } template bool cmp<outer::inner::Point, outer::inner::Point>(const outer::inner::Point&, const outer::inner::Point&);
template<void (*F)(int*const*, const volatile char*, unsigned char&&, std::unique_ptr<int>)> void withfn() {} template void withfn<ptrs>();
void longs(unsigned long, long, short, unsigned short, signed char, wchar_t, float, long double, __int128, char16_t, char32_t, decltype(nullptr)) {}
thread_local std::string tl("a"); std::string &usetl() { return tl; }
void usean() { Anon a; a.f(); Derived d; Base &b = d; b.v(); VB vb; vb.v(); }
long operator""_km(unsigned long long a) { return a; }
void noex(void (*)() noexcept) {}
int arr2(int (*p)[3][4]) { return 0; }
template<template<typename...> class C, typename T> void tt(C<T>) {} template void tt<std::vector,int>(std::vector<int>);
extern "C" int plain_c(int a) { return a; }
struct Local { void go() { struct In { void deep() {} }; In i; i.deep(); auto l = [this](auto x, int){ return x; }; l(1, 2); l('c', 2); } }; void gol() { Local l; l.go(); }
inline namespace v1 __attribute__((abi_tag("cxx"))) { int tagged() { return 1; } }
`;

/** Names that rustc 1.95 has written (-C symbol-mangling-version=v0), and what RFC 2603 says they mean. */
const RUST: readonly (readonly [mangled: string, readable: string])[] = [
  ["_RNvCs6GmmlP4bgsG_1r7dynamic", "r::dynamic"],
  ["_RNvCs6GmmlP4bgsG_1ru9gre_6ka8i", "r::größe"],
  ["_RINvCs6GmmlP4bgsG_1r5applyNCNCNvB2_4mains3_00EB2_", "r::apply::<r::main::{closure#5}::{closure#0}>"],
  ["_RINvCs6GmmlP4bgsG_1r3genRDNtNtB2_5outer5SpeakEL_EB2_", "r::gen::<&dyn r::outer::Speak>"],
  ["_RINvCs6GmmlP4bgsG_1r3genRDNtNtNtNtCsgEmfK2I1SDS_4core4iter6traits8iterator8Iteratorp4ItemhEL_EB2_", "r::gen::<&dyn core::iter::traits::iterator::Iterator<Item = u8>>"],
  ["_RNvXs_NtCs6GmmlP4bgsG_1r5outerhNtB4_5Speak5speak", "<u8 as r::outer::Speak>::speak"],
  ["_RNvXs1_NtCs6GmmlP4bgsG_1r5outerAhj3_NtB5_5Speak5speak", "<[u8; 3] as r::outer::Speak>::speak"],
  ["_RNvXs2_NtCs6GmmlP4bgsG_1r5outerThReENtB5_5Speak5speak", "<(u8, &str) as r::outer::Speak>::speak"],
  ["_RNvMs3_NtCs6GmmlP4bgsG_1r5outerINtB5_3ArrKj5_Kb1_Kc78_Kln9_E1nB7_", "<r::outer::Arr<5, true, 'x', -9>>::n"],
  ["_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeDG_INtNtNtB4_3ops8function2FnTRL0_eEEp6OutputRL0_eNtNtB4_6marker4SendEL_ECs6GmmlP4bgsG_1r",
    "core::ptr::drop_in_place::<dyn for<'a> core::ops::function::Fn<(&'a str,), Output = &'a str> + core::marker::Send>"],
  ["_RNSNvYNCNvCs6GmmlP4bgsG_1r4mains_0INtNtNtCsgEmfK2I1SDS_4core3ops8function6FnOnceTReEE9call_once6vtableB8_",
    "<r::main::{closure#1} as core::ops::function::FnOnce<(&str,)>>::call_once::{shim:vtable#0}"],
  ["_ZN1r5outer14Thing$LT$T$GT$3get17h0123456789abcdefE", "r::outer::Thing<T>::get"],
];

/** Names for people are the short ones: c++filt writes these out. */
const SHORT: readonly (readonly [long: RegExp, short: string])[] = [
  [/std::basic_string<char, std::char_traits<char>, std::allocator<char> >/g, "std::string"],
  [/std::basic_(istream|ostream|iostream)<char, std::char_traits<char> >/g, "std::$1"],
];

function shortened(text: string): string {
  return SHORT.reduce((now, [long, short]) => now.replace(long, short), text);
}

/** What c++filt makes of names. */
function witness(names: readonly string[]): readonly string[] {
  return execFileSync("c++filt", { input: `${names.join("\n")}\n`, encoding: "utf8", maxBuffer: 1 << 28 }).split("\n");
}

describe("readable names", function () {
  this.timeout(60_000);
  const shop = new Workshop();
  after(() => shop.remove());

  it("of C++ are those that c++filt gives", function () {
    needTools(this, "g++", "nm", "c++filt");
    shop.write("names.cpp", CPP);
    shop.run("g++", "-std=c++20", "-O0", "-w", "-c", "names.cpp", "-o", "names.o");
    const names = [...new Set(shop.run("nm", "names.o").match(/\b_Z\w+/g) ?? [])];
    assert.ok(names.length > 150, `${names.length} names`);
    const theirs = witness(names);
    // One name of the library's has an expression in it (`::new`) that is not read, and stays as it is.
    const other = names.flatMap((name, index) => readableName(name) === name || shortened(readableName(name)) === shortened(theirs[index]) ? [] : [[name, readableName(name), theirs[index]]]);
    assert.deepEqual(other, []);
    const unread = names.filter(name => readableName(name) === name);
    assert.deepEqual(unread.filter(name => !name.includes("cvPv")), []);
  });

  it("are given for nearly all of a large library's", function () {
    needTools(this, "nm", "c++filt");
    const library = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6";
    if (!existsSync(library)) leaveOut(this, `no ${library}`);
    const names = [...new Set(shop.run("nm", "-D", library).match(/\b_Z\w+/g) ?? [])];
    const theirs = witness(names);
    const same = names.filter((name, index) => shortened(readableName(name)) === shortened(theirs[index])).length;
    console.log(`      ${same} of ${names.length} are as c++filt has them`);
    assert.ok(names.length > 5000 && same / names.length > 0.97, `${same} of ${names.length}`);
  });

  it("of Rust have no hashes", () => {
    for (const [mangled, readable] of RUST) assert.equal(readableName(mangled), readable);
  });

  it("leave what is no mangled name, or a broken one, as it is", () => {
    const mangled = ["_ZN5outer5inner5PointC2Ei", "_RNvXs_NtCs6GmmlP4bgsG_1r5outerhNtB4_5Speak5speak", "_Z3fooIiEvT_"];
    for (const name of ["main", "_Z", "_R", "_start", "_ZN", "_ZS_", "_RB_", "_RNvB0_1a", `_Z1f${"P".repeat(5000)}v`, "_Z1fT_", "_ZNS_E"]) assert.equal(readableName(name), name);
    // Cut anywhere, or with any letter exchanged, there is an answer.
    for (const name of mangled) {
      for (let at = 2; at < name.length; at++) {
        assert.equal(typeof readableName(name.slice(0, at)), "string");
        for (const letter of "SEINTL_09Z") assert.equal(typeof readableName(name.slice(0, at) + letter + name.slice(at + 1)), "string");
      }
    }
    // What doubles with each letter ends.
    const twice = `_Z1f${Array.from({ length: 60 }, (_, i) => `St4pairI${i === 0 ? "i" : "S0_"}${i === 0 ? "i" : "S0_"}E`).join("")}`;
    assert.ok(readableName(twice).length < 100_000);
  });

  it("lead to functions with and without their parameters", function () {
    assert.equal(withoutParameters("int outer::Point::get<int>(int) const"), "outer::Point::get<int>");
    assert.equal(withoutParameters("(anonymous namespace)::hidden(int)"), "(anonymous namespace)::hidden");
    assert.equal(withoutParameters("outer::Point::operator()(int)"), "outer::Point::operator()");
    assert.equal(isNamed("_ZN5outer5inner5PointC2Ei", "outer::inner::Point"), false);
    needTools(this, "g++");
    shop.write("lookup.cpp", "namespace outer { int twice(int a) { return a * 2; } } int main() { return outer::twice(3); }\n");
    shop.run("g++", "-O0", "-no-pie", "lookup.cpp", "-o", "lookup");
    const table: SymbolTable = shop.load(`${shop.folder}/lookup`);
    assert.equal(table.hasDebugInfo, false);
    for (const name of ["outer::twice", "outer::twice(int)", "_ZN5outer5twiceEi"]) {
      const [found] = table.functionsNamed(name);
      assert.equal(found?.name, "outer::twice(int)", name);
      assert.equal(table.symbolsNamed(name)[0]?.address, found.start);
    }
  });
});
