// Codes of the Itanium C++ ABI ('Mangling', builtin types, operators, standard substitutions), and what they stand for.

export const BUILTIN_TYPES: ReadonlyMap<string, string> = new Map([
  ["v", "void"], ["w", "wchar_t"], ["b", "bool"], ["c", "char"], ["a", "signed char"], ["h", "unsigned char"], ["s", "short"], ["t", "unsigned short"],
  ["i", "int"], ["j", "unsigned int"], ["l", "long"], ["m", "unsigned long"], ["x", "long long"], ["y", "unsigned long long"], ["n", "__int128"],
  ["o", "unsigned __int128"], ["f", "float"], ["d", "double"], ["e", "long double"], ["g", "__float128"], ["z", "..."],
]);

export const EXTENDED_TYPES: ReadonlyMap<string, string> = new Map([
  ["Dd", "decimal64"], ["De", "decimal128"], ["Df", "decimal32"], ["Dh", "half"], ["Di", "char32_t"], ["Ds", "char16_t"], ["Du", "char8_t"],
  ["Da", "auto"], ["Dc", "decltype(auto)"], ["Dn", "decltype(nullptr)"],
]);

export const STANDARD_NAMES: ReadonlyMap<string, string> = new Map([
  ["t", "std"], ["a", "std::allocator"], ["b", "std::basic_string"], ["s", "std::string"], ["i", "std::istream"], ["o", "std::ostream"], ["d", "std::iostream"],
]);

/** How values of these types are written; of others with the type in front. */
export const LITERAL_SUFFIXES: ReadonlyMap<string, string> = new Map([["i", ""], ["j", "u"], ["l", "l"], ["m", "ul"], ["x", "ll"], ["y", "ull"]]);

export const OPERATORS: ReadonlyMap<string, string> = new Map([
  ["nw", "new"], ["na", "new[]"], ["dl", "delete"], ["da", "delete[]"], ["aw", "co_await"], ["ps", "+"], ["ng", "-"], ["ad", "&"], ["de", "*"], ["co", "~"],
  ["pl", "+"], ["mi", "-"], ["ml", "*"], ["dv", "/"], ["rm", "%"], ["an", "&"], ["or", "|"], ["eo", "^"], ["aS", "="], ["pL", "+="], ["mI", "-="],
  ["mL", "*="], ["dV", "/="], ["rM", "%="], ["aN", "&="], ["oR", "|="], ["eO", "^="], ["ls", "<<"], ["rs", ">>"], ["lS", "<<="], ["rS", ">>="],
  ["eq", "=="], ["ne", "!="], ["lt", "<"], ["gt", ">"], ["le", "<="], ["ge", ">="], ["ss", "<=>"], ["nt", "!"], ["aa", "&&"], ["oo", "||"],
  ["pp", "++"], ["mm", "--"], ["cm", ","], ["pm", "->*"], ["pt", "->"], ["cl", "()"], ["ix", "[]"], ["qu", "?"],
]);
