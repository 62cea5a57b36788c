#include "sync/demo/names.hpp"

#include <array>

namespace gridlight::sync::demo {
namespace {

constexpr auto all_places = std::to_array<place>({
    {"Downtown", "Houston", "Harris", "77002", 29.7589, -95.3677},
    {"Midtown", "Houston", "Harris", "77004", 29.7390, -95.3790},
    {"Third Ward", "Houston", "Harris", "77004", 29.7260, -95.3560},
    {"Montrose", "Houston", "Harris", "77006", 29.7450, -95.3930},
    {"Fourth Ward", "Houston", "Harris", "77019", 29.7560, -95.3830},
    {"The Heights", "Houston", "Harris", "77008", 29.7980, -95.3980},
    {"Near Northside", "Houston", "Harris", "77009", 29.7940, -95.3660},
    {"EaDo", "Houston", "Harris", "77003", 29.7480, -95.3520},
    {"Second Ward", "Houston", "Harris", "77003", 29.7500, -95.3330},
    {"Fifth Ward", "Houston", "Harris", "77020", 29.7750, -95.3330},
    {"Magnolia Park", "Houston", "Harris", "77012", 29.7330, -95.2930},
    {"Museum District", "Houston", "Harris", "77005", 29.7220, -95.3900},
    {"Rice Village", "Houston", "Harris", "77005", 29.7160, -95.4160},
    {"Medical Center", "Houston", "Harris", "77030", 29.7070, -95.3990},
    {"West University Place", "West University Place", "Harris", "77005", 29.7180, -95.4330},
    {"Bellaire", "Bellaire", "Harris", "77401", 29.7050, -95.4620},
    {"River Oaks", "Houston", "Harris", "77019", 29.7540, -95.4180},
    {"Greenway", "Houston", "Harris", "77046", 29.7330, -95.4330},
    {"Uptown", "Houston", "Harris", "77056", 29.7490, -95.4640},
    {"Memorial Park", "Houston", "Harris", "77007", 29.7650, -95.4410},
    {"Washington Avenue", "Houston", "Harris", "77007", 29.7690, -95.4030},
    {"Timbergrove", "Houston", "Harris", "77008", 29.7960, -95.4260},
    {"Garden Oaks", "Houston", "Harris", "77018", 29.8300, -95.4130},
    {"Oak Forest", "Houston", "Harris", "77018", 29.8270, -95.4370},
    {"Independence Heights", "Houston", "Harris", "77022", 29.8270, -95.3930},
    {"Lindale Park", "Houston", "Harris", "77009", 29.8080, -95.3570},
    {"Kashmere Gardens", "Houston", "Harris", "77026", 29.8080, -95.3170},
    {"Trinity Gardens", "Houston", "Harris", "77026", 29.8260, -95.3050},
    {"Denver Harbor", "Houston", "Harris", "77020", 29.7770, -95.2990},
    {"Pleasantville", "Houston", "Harris", "77029", 29.7650, -95.2720},
    {"Galena Park", "Galena Park", "Harris", "77547", 29.7340, -95.2330},
    {"Jacinto City", "Jacinto City", "Harris", "77029", 29.7670, -95.2390},
    {"Peña Park", "Houston", "Harris", "77011", 29.7420, -95.3080},
    {"Eastwood", "Houston", "Harris", "77023", 29.7360, -95.3360},
    {"O'Malley Heights", "Houston", "Harris", "77023", 29.7150, -95.3290},
    {"Gulfgate", "Houston", "Harris", "77087", 29.6980, -95.3010},
    {"MacGregor", "Houston", "Harris", "77021", 29.7100, -95.3480},
    {"South Union", "Houston", "Harris", "77021", 29.6920, -95.3590},
    {"Sunnyside", "Houston", "Harris", "77051", 29.6560, -95.3690},
    {"South Park", "Houston", "Harris", "77033", 29.6660, -95.3380},
    {"Astrodome", "Houston", "Harris", "77054", 29.6850, -95.4080},
    {"Meyerland", "Houston", "Harris", "77096", 29.6810, -95.4700},
    {"Westbury", "Houston", "Harris", "77035", 29.6540, -95.4690},
    {"Willowbend", "Houston", "Harris", "77035", 29.6620, -95.4440},
    {"Sharpstown", "Houston", "Harris", "77036", 29.6990, -95.5170},
    {"Gulfton", "Houston", "Harris", "77081", 29.7170, -95.4830},
    {"Braeburn", "Houston", "Harris", "77074", 29.6820, -95.5150},
    {"Alief", "Houston", "Harris", "77099", 29.6870, -95.5960},
    {"Westchase", "Houston", "Harris", "77042", 29.7300, -95.5600},
    {"Briarforest", "Houston", "Harris", "77077", 29.7480, -95.5950},
    {"Hedwig Village", "Hedwig Village", "Harris", "77024", 29.7780, -95.5180},
    {"Spring Branch", "Houston", "Harris", "77080", 29.8060, -95.5160},
    {"Spring Valley", "Spring Valley Village", "Harris", "77055", 29.7900, -95.5030},
    {"Memorial", "Houston", "Harris", "77079", 29.7700, -95.5900},
    {"Energy Corridor", "Houston", "Harris", "77079", 29.7830, -95.6350},
    {"Addicks", "Houston", "Harris", "77084", 29.8100, -95.6500},
    {"Bear Creek", "Houston", "Harris", "77084", 29.8400, -95.6400},
    {"Carverdale", "Houston", "Harris", "77041", 29.8560, -95.5500},
    {"Fairbanks", "Houston", "Harris", "77040", 29.8640, -95.5250},
    {"Inwood Forest", "Houston", "Harris", "77088", 29.8650, -95.4750},
    {"Acres Homes", "Houston", "Harris", "77088", 29.8630, -95.4300},
    {"Greater Greenspoint", "Houston", "Harris", "77060", 29.9430, -95.4100},
    {"Aldine", "Aldine", "Harris", "77039", 29.9050, -95.3800},
    {"Eastex", "Houston", "Harris", "77093", 29.8600, -95.3400},
    {"East Houston", "Houston", "Harris", "77028", 29.8270, -95.2700},
    {"Settegast", "Houston", "Harris", "77028", 29.8150, -95.2900},
    {"Sheldon", "Sheldon", "Harris", "77044", 29.8650, -95.1350},
    {"Channelview", "Channelview", "Harris", "77530", 29.7760, -95.1150},
    {"Cloverleaf", "Cloverleaf", "Harris", "77015", 29.7830, -95.1720},
    {"Pasadena", "Pasadena", "Harris", "77506", 29.6910, -95.2090},
    {"South Houston", "South Houston", "Harris", "77587", 29.6630, -95.2350},
    {"Deer Park", "Deer Park", "Harris", "77536", 29.7050, -95.1240},
    {"La Porte", "La Porte", "Harris", "77571", 29.6650, -95.0190},
    {"Baytown", "Baytown", "Harris", "77520", 29.7360, -94.9770},
    {"Hobby", "Houston", "Harris", "77061", 29.6450, -95.2790},
    {"Edgebrook", "Houston", "Harris", "77034", 29.6400, -95.2250},
    {"Ellington", "Houston", "Harris", "77034", 29.6070, -95.1590},
    {"Clear Lake", "Houston", "Harris", "77058", 29.5770, -95.1200},
    {"Webster", "Webster", "Harris", "77598", 29.5380, -95.1180},
    {"Seabrook", "Seabrook", "Harris", "77586", 29.5640, -95.0250},
    {"League City", "League City", "Galveston", "77573", 29.5070, -95.0950},
    {"Dickinson", "Dickinson", "Galveston", "77539", 29.4610, -95.0510},
    {"Texas City", "Texas City", "Galveston", "77590", 29.3840, -94.9030},
    {"Galveston", "Galveston", "Galveston", "77550", 29.3010, -94.7980},
    {"Friendswood", "Friendswood", "Galveston", "77546", 29.5290, -95.2010},
    {"Pearland", "Pearland", "Brazoria", "77581", 29.5640, -95.2860},
    {"Shadow Creek", "Pearland", "Brazoria", "77584", 29.5770, -95.3900},
    {"Manvel", "Manvel", "Brazoria", "77578", 29.4630, -95.3580},
    {"Alvin", "Alvin", "Brazoria", "77511", 29.4240, -95.2440},
    {"Angleton", "Angleton", "Brazoria", "77515", 29.1690, -95.4320},
    {"Missouri City", "Missouri City", "Fort Bend", "77459", 29.6190, -95.5380},
    {"Stafford", "Stafford", "Fort Bend", "77477", 29.6160, -95.5580},
    {"Sugar Land", "Sugar Land", "Fort Bend", "77478", 29.6200, -95.6350},
    {"First Colony", "Sugar Land", "Fort Bend", "77479", 29.5870, -95.6200},
    {"Richmond", "Richmond", "Fort Bend", "77469", 29.5820, -95.7610},
    {"Rosenberg", "Rosenberg", "Fort Bend", "77471", 29.5570, -95.8090},
    {"Fulshear", "Fulshear", "Fort Bend", "77441", 29.6900, -95.9000},
    {"Mission Bend", "Mission Bend", "Fort Bend", "77083", 29.6940, -95.6650},
    {"Katy", "Katy", "Harris", "77449", 29.7860, -95.8240},
    {"Cinco Ranch", "Katy", "Fort Bend", "77494", 29.7390, -95.7580},
    {"Cypress", "Cypress", "Harris", "77429", 29.9690, -95.6970},
    {"Bridgeland", "Cypress", "Harris", "77433", 29.9350, -95.7400},
    {"Jersey Village", "Jersey Village", "Harris", "77040", 29.8880, -95.5630},
    {"Champions", "Houston", "Harris", "77069", 29.9850, -95.5250},
    {"Klein", "Klein", "Harris", "77379", 30.0300, -95.5300},
    {"Tomball", "Tomball", "Harris", "77375", 30.0970, -95.6160},
    {"Magnolia", "Magnolia", "Montgomery", "77354", 30.2090, -95.7510},
    {"Spring", "Spring", "Harris", "77373", 30.0800, -95.4170},
    {"The Woodlands", "The Woodlands", "Montgomery", "77380", 30.1660, -95.4610},
    {"Conroe", "Conroe", "Montgomery", "77301", 30.3120, -95.4560},
    {"Willis", "Willis", "Montgomery", "77378", 30.4250, -95.4800},
    {"New Caney", "New Caney", "Montgomery", "77357", 30.1550, -95.2110},
    {"Humble", "Humble", "Harris", "77338", 29.9990, -95.2620},
    {"Kingwood", "Houston", "Harris", "77339", 30.0560, -95.1920},
    {"Atascocita", "Atascocita", "Harris", "77346", 29.9990, -95.1770},
    {"Summerwood", "Houston", "Harris", "77044", 29.9300, -95.2000},
    {"Crosby", "Crosby", "Harris", "77532", 29.9120, -95.0620},
    {"Dayton", "Dayton", "Liberty", "77535", 30.0470, -94.8850},
    {"Liberty", "Liberty", "Liberty", "77575", 30.0580, -94.7950},
    {"Mont Belvieu", "Mont Belvieu", "Chambers", "77580", 29.8480, -94.8910},
    {"Anahuac", "Anahuac", "Chambers", "77514", 29.7730, -94.6830},
    {"Waller", "Waller", "Waller", "77484", 30.0570, -95.9270},
    {"Hempstead", "Hempstead", "Waller", "77445", 30.0970, -96.0780},
    {"Brookshire", "Brookshire", "Waller", "77423", 29.7860, -95.9510},
    {"Sealy", "Sealy", "Austin", "77474", 29.7810, -96.1570},
});

constexpr auto all_bayous = std::to_array<std::string_view>(
    {"Buffalo Bayou",    "White Oak Bayou", "Brays Bayou",     "Sims Bayou",        "Greens Bayou",
     "Hunting Bayou",    "Halls Bayou",     "Clear Creek",     "Cypress Creek",     "Vince Bayou",
     "Carpenters Bayou", "Armand Bayou",    "Spring Creek",    "San Jacinto River", "Oyster Creek",
     "Mustang Bayou",    "Cedar Bayou",     "Dickinson Bayou", "Keegans Bayou",     "Horsepen Creek",
     "Langham Creek",    "Mason Creek",     "Willow Creek",    "Luce Bayou"});

constexpr auto all_lakes = std::to_array<std::string_view>(
    {"Lake Houston", "Barker Reservoir", "Addicks Reservoir", "Sheldon Lake", "Lake Olympia", "Smithers Lake",
     "Clear Lake", "Lake Peña", "Lake Creek Reservoir", "Alligator Lake", "Mud Lake"});

constexpr auto streets = std::to_array<std::string_view>(
    {"Live Oak St",  "Bluebonnet Dr",  "Pecan Ln",        "Magnolia Blvd",  "San Jacinto St", "Travis St",
     "Crockett St",  "Fannin St",      "Milam St",        "Lamar Ave",      "Austin St",      "Caroline St",
     "La Branch St", "Dallas St",      "Polk St",         "Clay St",        "Bell Ave",       "Leeland St",
     "Pease St",     "Jefferson St",   "St. Joseph Pkwy", "Pierce St",      "Gray St",        "Webster St",
     "Hadley St",    "McIlhenny St",   "Dennis St",       "Drew St",        "Tuam St",        "Anita St",
     "Rosalie St",   "Elgin St",       "Alabama St",      "Truxillo St",    "Blodgett St",    "Wheeler Ave",
     "O'Neil St",    "Peña St",        "Cypress Bend",    "Sycamore St",    "Sweetgum Ln",    "Juniper Ct",
     "Heron Way",    "Egret Trl",      "Pelican Dr",      "Tallow Ln",      "Dogwood Dr",     "Redbud Ln",
     "Yaupon St",    "Palmetto Dr",    "Willow Bend",     "Bayou Vista Dr", "Longhorn Trl",   "Mesquite Dr",
     "Cardinal Ln",  "Mockingbird Ln", "Azalea St",       "Camellia Ct",    "Wisteria Way",   "Jasmine St",
     "Oleander Dr"});

constexpr auto first_names = std::to_array<std::string_view>(
    {"Maria",  "James",   "José",   "Linh",     "Patricia",  "Robert", "Ana",    "Michael",
     "Fatima", "David",   "Zoë",    "William",  "Guadalupe", "Thomas", "Mei",    "Daniel",
     "Chloé",  "Anthony", "Priya",  "Marcus",   "Siobhán",   "Kevin",  "Olga",   "Carlos",
     "Denise", "Hung",    "Angela", "Terrence", "Yolanda",   "Björn",  "Keisha", "Raúl",
     "Emily",  "Omar",    "Grace",  "Luis",     "Nicole",    "Samuel", "Thuy",   "Ebony"});

constexpr auto last_names = std::to_array<std::string_view>(
    {"Garcia",     "Smith",    "Nguyen", "Johnson",  "Hernandez", "Williams", "Peña",   "Brown",
     "Martinez",   "O'Malley", "Jones",  "Tran",     "Rodriguez", "Davis",    "Lopez",  "Miller",
     "Washington", "Gonzalez", "Núñez",  "Wilson",   "Patel",     "D'Souza",  "Perez",  "Jackson",
     "O'Brien",    "Sanchez",  "Le",     "Thompson", "Ramirez",   "White",    "Khan",   "Muñoz",
     "Müller",     "Robinson", "Torres", "Pham",     "Lewis",     "Castillo", "Okafor", "Flores"});

constexpr auto business_starts = std::to_array<std::string_view>(
    {"Bayou City", "Lone Star", "Gulf Coast", "O'Malley's", "Peña & Sons", "Magnolia", "Space City", "Texan",
     "Galveston", "Heights", "Harris County", "San Jacinto", "Nguyen Bros.", "Blue Heron", "Westheimer",
     "Ship Channel"});

}  // namespace

std::span<const place> places() {
  return all_places;
}
std::span<const std::string_view> bayous() {
  return all_bayous;
}
std::span<const std::string_view> lakes() {
  return all_lakes;
}

std::string_view street_name(int number) noexcept {
  return streets[static_cast<std::size_t>(number) % streets.size()];
}

std::string person_name(random& r) {
  std::string name{r.pick<std::string_view>(first_names)};
  return name.append(" ").append(r.pick<std::string_view>(last_names));
}

std::string business_name(random& r, std::string_view kind) {
  std::string name{r.pick<std::string_view>(business_starts)};
  return name.append(" ").append(kind);
}

}  // namespace gridlight::sync::demo
